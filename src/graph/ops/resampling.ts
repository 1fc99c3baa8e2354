// Operators that change spatial sizes by interpolation: one pass along each axis that changes.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { axisResampleCall } from "../../kernels/nn/axis-resample.ts";
import { resizeTable, type CoordinateMode, type NearestMode, type ResizeAxis } from "../../kernels/nn/resize-table.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { isFloatType, sizeOf, type Value } from "../values.ts";
import { castTo } from "./elementwise.ts";

interface AxisChange {
  readonly axis: number;
  readonly output: number;
  readonly scale: number;
  readonly roi?: readonly [number, number];
}

type Manner = Omit<ResizeAxis, "input" | "output" | "scale" | "roi">;

function resample(ctx: NodeContext, changes: readonly AxisChange[], manner: Manner, fill: number): Value {
  const { b } = ctx;
  const given = ctx.input(0);
  let y = isFloatType(given.type) ? given : castTo(b, given, OnnxType.FLOAT);
  for (const { axis, output, scale, roi } of changes) {
    const input = y.dims[axis] ?? 1;
    if (input === output && scale === 1 && manner.coordinates !== "tf_crop_and_resize") continue;
    const table = resizeTable({ ...manner, input, output, scale, ...(roi ? { roi } : {}) });
    const dims = [table.length, table.taps];
    const indices = b.known({ type: OnnxType.INT32, dims, data: Float64Array.from(table.indices) });
    const weights = b.known({ type: OnnxType.FLOAT, dims, data: Float64Array.from(table.weights) });
    const next = b.temp(y.type, y.dims.with(axis, output));
    b.emit(axisResampleCall(ctx.split(y.dims, axis), table, fill), [y, indices, weights, next]);
    y = next;
  }
  return castTo(b, y, given.type);
}

const modes: ReadonlySet<string> = new Set(["nearest", "linear", "cubic"]);

function modeOf(ctx: NodeContext): ResizeAxis["mode"] {
  const mode = ctx.text("mode") ?? "nearest";
  if (modes.has(mode)) return mode as ResizeAxis["mode"];
  // Older operator sets call it bilinear.
  if (mode === "bilinear") return "linear";
  throw ctx.unsupported(`there is no mode "${mode}".`, "Use nearest, linear or cubic.");
}

/** Numbers of an optional input that may be there and empty. */
const numbersAt = (ctx: NodeContext, index: number, what: string): readonly number[] | undefined => {
  const value = ctx.optional(index);
  return value && sizeOf(value.dims) > 0 ? ctx.numbers(index, what) : undefined;
};

const resize: Lowering = (ctx) => {
  const { dims } = ctx.input(0);
  const old = ctx.opset < 11;
  const scales = numbersAt(ctx, old ? 1 : 2, "the scales");
  const sizes = old ? undefined : numbersAt(ctx, 3, "the sizes");
  const roi = old ? undefined : numbersAt(ctx, 1, "the region");
  const axes = (ctx.ints("axes") ?? dims.map((_, i) => i)).map((axis) => ctx.axis(axis, dims.length));
  const policy = ctx.text("keep_aspect_ratio_policy") ?? "stretch";
  const wanted = axes.map((axis, i) => (sizes?.[i] ?? 1) / (dims[axis] ?? 1));
  const common =
    policy === "not_larger" ? Math.min(...wanted) : policy === "not_smaller" ? Math.max(...wanted) : undefined;
  const changes = axes.map((axis, i): AxisChange => {
    const input = dims[axis] ?? 1;
    const size = sizes?.[i] ?? input;
    const scale = sizes ? (common ?? size / input) : (scales?.[i] ?? 1);
    const output = sizes ? (common === undefined ? size : Math.floor(common * input + 0.5)) : Math.floor(input * scale);
    return { axis, output, scale, roi: [roi?.[i] ?? 0, roi?.[i + axes.length] ?? 1] };
  });
  const coordinates = (
    old ? "asymmetric" : (ctx.text("coordinate_transformation_mode") ?? "half_pixel")
  ) as CoordinateMode;
  const manner: Manner = {
    mode: modeOf(ctx),
    coordinates,
    nearest: (old ? "floor" : (ctx.text("nearest_mode") ?? "round_prefer_floor")) as NearestMode,
    cubicA: ctx.float("cubic_coeff_a", -0.75),
    excludeOutside: ctx.int("exclude_outside", 0) === 1,
    antialias: ctx.int("antialias", 0) === 1,
  };
  return [resample(ctx, changes, manner, ctx.float("extrapolation_value", 0))];
};

const upsample: Lowering = (ctx) => {
  const { dims } = ctx.input(0);
  const scales = ctx.floats("scales") ?? ctx.numbers(1, "the scales");
  const changes = dims.map((input, axis) => {
    const scale = scales[axis] ?? 1;
    return { axis, output: Math.floor(input * scale), scale };
  });
  return [resample(ctx, changes, { mode: modeOf(ctx), coordinates: "asymmetric", nearest: "floor" }, 0)];
};

export const resamplingOps: Readonly<Record<string, Lowering>> = { Resize: resize, Upsample: upsample };
