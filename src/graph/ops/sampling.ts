// Operators that read at points which the data chooses, and unpooling, which writes at such.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { gridSampleCall, samplePaddings, type SampleManner } from "../../kernels/nn/grid-sample.ts";
import { roiAlignCall, roiOps } from "../../kernels/nn/roi-align.ts";
import { scatterCall } from "../../kernels/nn/scatter.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { isFloatType, sizeOf, wordTypeOf, type Value } from "../values.ts";
import { castTo, keepType } from "./elementwise.ts";
import { binary, filled, place } from "./shared.ts";

/** Names of modes before and since operator set 20. */
const modes: ReadonlyMap<string, SampleManner["mode"]> = new Map([
  ["bilinear", "linear"],
  ["linear", "linear"],
  ["nearest", "nearest"],
  ["bicubic", "cubic"],
  ["cubic", "cubic"],
]);

const asFloat = (ctx: NodeContext, x: Value): Value => (isFloatType(x.type) ? x : castTo(ctx.b, x, OnnxType.FLOAT));

const gridSample: Lowering = (ctx) => {
  const { b } = ctx;
  const [given, grid] = [ctx.input(0), ctx.input(1)];
  const mode = modes.get(ctx.text("mode") ?? "linear");
  const padding = samplePaddings.find((each) => each === (ctx.text("padding_mode") ?? "zeros"));
  if (!mode || !padding) {
    throw ctx.unsupported(
      `mode "${ctx.text("mode") ?? ""}" with padding_mode "${ctx.text("padding_mode") ?? ""}" can't be run.`,
      "Use linear, nearest or cubic, and zeros, border or reflection.",
    );
  }
  const [batch = 1, channels = 1, first = 1, second = 1, third] = given.dims;
  const sides = given.dims.length - 2;
  if (sides !== 2 && sides !== 3) throw ctx.unsupported(`${sides} spatial dimensions can't be run.`, "Use 2 or 3.");
  const kept = grid.dims.slice(1, -1);
  if (grid.dims[0] !== batch || kept.length !== sides || grid.dims.at(-1) !== sides) {
    throw ctx.mismatch(`a grid [${grid.dims.join()}] does not fit [${given.dims.join()}].`);
  }
  const x = asFloat(ctx, given);
  const y = b.temp(x.type, [batch, channels, ...kept]);
  if (sizeOf(y.dims) === 0) return [castTo(b, y, given.type)];
  if (sizeOf(given.dims) === 0) throw ctx.mismatch(`there is nothing to sample in [${given.dims.join()}].`);
  const input = third === undefined ? ([first, second] as const) : ([first, second, third] as const);
  const manner = { mode, padding, alignCorners: ctx.int("align_corners", 0) === 1 };
  b.emit(gridSampleCall({ batch, channels, input, points: sizeOf(kept) }, manner), [x, grid, y]);
  return [castTo(b, y, given.type)];
};

const roiAlign: Lowering = (ctx) => {
  const { b } = ctx;
  const [given, rois, entries] = [ctx.input(0), ctx.input(1), ctx.input(2)];
  const op = roiOps.find((each) => each === (ctx.text("mode") ?? "avg"));
  if (!op) throw ctx.unsupported(`mode "${ctx.text("mode") ?? ""}" can't be run.`, "Use avg or max.");
  const [batch = 0, channels = 0, height = 0, width = 0] = given.dims;
  const regions = rois.dims[0] ?? 0;
  if (given.dims.length !== 4 || rois.dims.length !== 2 || rois.dims[1] !== 4 || sizeOf(entries.dims) !== regions) {
    const shapes = [given, rois, entries].map(({ dims }) => `[${dims.join()}]`).join(", ");
    throw ctx.mismatch(`inputs of ${shapes} do not fit together.`);
  }
  const output = [ctx.int("output_height", 1), ctx.int("output_width", 1)] as const;
  const x = asFloat(ctx, given);
  const y = b.temp(x.type, [regions, channels, ...output]);
  if (sizeOf(y.dims) === 0) return [y];
  if (sizeOf(x.dims) === 0) throw ctx.mismatch(`there is nothing to pool in [${x.dims.join()}].`);
  // Before operator set 16 there was no choice, and no half pixel.
  const manner = {
    op,
    samples: Math.max(0, ctx.int("sampling_ratio", 0)),
    scale: ctx.float("spatial_scale", 1),
    halfPixel: ctx.opset >= 16 && (ctx.text("coordinate_transformation_mode") ?? "half_pixel") === "half_pixel",
  };
  const shape = { batch, channels, input: [height, width], regions, output } as const;
  b.emit(roiAlignCall(shape, manner), [x, rois, b.retype(entries, OnnxType.INT32), y]);
  return [keepType(b, y)];
};

/** The size that pooling with the node's windows would have come from. */
function unpooled(ctx: NodeContext, sides: readonly number[]): number[] {
  const kernel = ctx.ints("kernel_shape") ?? [];
  const strides = ctx.ints("strides") ?? [];
  const pads = ctx.ints("pads") ?? [];
  if (kernel.length !== sides.length) throw ctx.mismatch(`kernel_shape [${kernel.join()}] is not for the input.`);
  return sides.map((side, i) => {
    const padded = (side - 1) * (strides[i] ?? 1) + (kernel[i] ?? 1);
    return padded - (pads[i] ?? 0) - (pads[i + sides.length] ?? 0);
  });
}

const maxUnpool: Lowering = (ctx) => {
  const { b } = ctx;
  const [x, indices] = [ctx.input(0), ctx.input(1)];
  if (indices.dims.join() !== x.dims.join()) {
    throw ctx.mismatch(`indices [${indices.dims.join()}] are not of the input's shape [${x.dims.join()}].`);
  }
  const dims = [...x.dims.slice(0, 2), ...unpooled(ctx, x.dims.slice(2))];
  const asked = ctx.optional(2) ? ctx.numbers(2, "the output shape") : dims;
  if (asked.length !== dims.length || dims.some((dim, i) => dim < 0 || dim > (asked[i] ?? 0))) {
    throw ctx.mismatch(`an output of [${asked.join()}] does not hold the unpooled [${dims.join()}].`);
  }
  const zeros = filled(b, 0, x.type, dims);
  if (sizeOf(x.dims) === 0 || sizeOf(dims) === 0) return [filled(b, 0, x.type, asked)];
  // Indices count through all that is unpooled, but those of a pool stay in their plane, where few compete.
  const outer = sizeOf(dims.slice(0, 2));
  const axis = sizeOf(dims) / outer;
  const picks = sizeOf(x.dims) / outer;
  const data = Float64Array.from({ length: outer }, (_, i) => i * axis);
  const starts = b.known({ type: OnnxType.INT32, dims: [outer, 1], data });
  const flat = b.reshape(b.retype(indices, OnnxType.INT32), [outer, picks]);
  const within = binary(b, "intSub", flat, starts, [outer, picks]);
  const y = b.temp(x.type, dims);
  const call = scatterCall({ outer, axis, inner: 1, picks, sharedIndices: false }, "none", wordTypeOf(x.type));
  b.emit(call, [zeros, within, x, y]);
  const result = keepType(b, y);
  if (asked.join() === dims.join()) return [result];
  const wide = filled(b, 0, x.type, asked);
  place(
    b,
    result,
    wide,
    asked.map(() => 0),
  );
  return [wide];
};

export const samplingOps: Readonly<Record<string, Lowering>> = {
  GridSample: gridSample,
  MaxUnpool: maxUnpool,
  RoiAlign: roiAlign,
};
