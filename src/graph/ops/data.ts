// Operators that move whole elements: joining, picking, padding and filling.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { gatherCall, type GatherShape } from "../../kernels/nn/gather.ts";
import { gatherBlocksCall } from "../../kernels/nn/gather-blocks.ts";
import { selectCall } from "../../kernels/nn/select.ts";
import { fillValue } from "../host/rules.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { sizeOf, type Value } from "../values.ts";
import { codeTypeOf, packedBytesOf } from "./decode.ts";
import { rowPieces, type Piece } from "./pieces.ts";
import { binary, concat, filled, place, takeView, unary } from "./shared.ts";
import { sliced, viewRules, type ViewRule } from "./views.ts";

const view =
  (rule: ViewRule): Lowering =>
  (ctx) =>
    rule(ctx).map((of) => takeView(ctx.b, ctx.input(0), of));

const concatLowering: Lowering = (ctx) => {
  const parts = ctx.inputs();
  const rank = parts[0]?.dims.length ?? 0;
  const axis = ctx.axis(ctx.int("axis", ctx.opset < 4 ? 1 : 0), rank);
  for (const { dims } of parts) {
    const fits = dims.length === rank && dims.every((dim, i) => i === axis || dim === parts[0]?.dims[i]);
    if (!fits)
      throw ctx.mismatch(`parts of [${parts.map((p) => p.dims.join()).join("] and [")}] do not join on axis ${axis}.`);
  }
  return [concat(ctx.b, parts, axis)];
};

const gather: Lowering = (ctx) => {
  const [x, indices] = [ctx.input(0), ctx.input(1)];
  const axis = ctx.axis(ctx.int("axis", 0), x.dims.length);
  const known = ctx.b.hostOf(indices);
  const size = x.dims[axis] ?? 1;
  for (const index of known?.data ?? []) {
    if (index < -size || index >= size)
      throw ctx.mismatch(`index ${index} is outside of axis ${axis} of [${x.dims.join()}].`);
  }
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const shape = { ...ctx.split(x.dims, axis), picks: sizeOf(indices.dims) };
  const codes = x.host ? undefined : pickedCodes(ctx.b, x, indices, shape, dims);
  if (codes) return [codes];
  const pieces = axis === 0 ? rowPieces(ctx.b, x) : undefined;
  if (pieces) return [gatherPieces(ctx.b, pieces, indices, x)];
  const y = ctx.b.temp(x.type, dims);
  ctx.b.emit(gatherCall(shape), [x, indices, y]);
  return [y];
};

/** Rows of a table in pieces: each piece gives the rows that lie in it, and leaves those of the pieces before it. */
function gatherPieces(b: GraphBuilder, pieces: readonly Piece[], indices: Value, table: Value): Value {
  const [rows = 1, ...rest] = table.dims;
  const picks = sizeOf(indices.dims);
  const flat = b.reshape(indices, [picks]);
  const below = binary(b, "intLess", flat, b.scalar(0, OnnxType.INT32), [picks], OnnxType.INT32);
  const shift = binary(b, "intMul", below, b.scalar(rows, OnnxType.INT32), [picks], OnnxType.INT32);
  const from0 = binary(b, "intAdd", flat, shift, [picks], OnnxType.INT32);
  let y = filled(b, 0, table.type, [picks, ...rest]);
  for (const { start, count, value } of pieces) {
    const local = binary(b, "intSub", from0, b.scalar(start, OnnxType.INT32), [picks], OnnxType.INT32);
    const near = unary(b, "intClip", local, { a: 0, b: count - 1 });
    const inside = binary(b, "intEqual", local, near, [picks], OnnxType.BOOL);
    const found = b.temp(table.type, y.dims);
    b.emit(gatherCall({ outer: 1, axis: count, inner: sizeOf(rest), picks }), [value, near, found]);
    const next = b.temp(table.type, y.dims);
    const condition = [picks, ...rest.map(() => 1)];
    b.emit(selectCall({ condition, a: y.dims, b: y.dims, y: y.dims }), [inside, found, y, next]);
    y = next;
  }
  return b.reshape(y, [...indices.dims, ...rest]);
}

/** Rows of a table of codes, which stays packed on the device; undefined for other tensors. */
function pickedCodes(
  b: GraphBuilder,
  x: Value,
  indices: Value,
  shape: GatherShape,
  dims: readonly number[],
): Value | undefined {
  const kind = codeTypeOf(x.type);
  const packed = kind && sizeOf(dims) > 0 ? packedBytesOf(b, x) : undefined;
  if (!kind || !packed) return undefined;
  const size = sizeOf(x.dims);
  const real = b.temp(OnnxType.FLOAT, dims);
  const call = gatherBlocksCall(shape, { dim: size, inner: 1, blockSize: size }, { ...kind, zero: 0 });
  b.emit(call, [packed, indices, b.scalar(1), b.none(), real]);
  return unary(b, "realToInt", real, { type: x.type });
}

/** Source index along one axis for each index of the padded one, for the modes that repeat elements. */
function padIndex(mode: string, at: number, before: number, size: number): number {
  const i = at - before;
  if (mode === "edge") return Math.min(Math.max(i, 0), size - 1);
  if (mode === "wrap") return ((i % size) + size) % size;
  const period = Math.max(1, 2 * (size - 1));
  const turned = ((i % period) + period) % period;
  return turned < size ? turned : period - turned;
}

const pad: Lowering = (ctx) => {
  const x = ctx.input(0);
  const rank = x.dims.length;
  const given = ctx.ints("pads") ?? ctx.numbers(1, "the pads");
  const axes = (ctx.optional(3) ? ctx.numbers(3, "the axes") : x.dims.map((_, i) => i)).map((a) => ctx.axis(a, rank));
  const [before, after] = [x.dims.map(() => 0), x.dims.map(() => 0)];
  for (const [i, axis] of axes.entries()) {
    before[axis] = given[i] ?? 0;
    after[axis] = given[i + axes.length] ?? 0;
  }
  // Negative pads crop.
  let source = x;
  for (const axis of axes) {
    const [cut, rest] = [Math.max(0, -(before[axis] ?? 0)), Math.max(0, -(after[axis] ?? 0))];
    if (cut + rest === 0) continue;
    source = takeView(
      ctx.b,
      source,
      sliced(source.dims, axis, cut, Math.max(0, (source.dims[axis] ?? 0) - cut - rest)),
    );
  }
  const [low, high] = [before.map((n) => Math.max(0, n)), after.map((n) => Math.max(0, n))];
  const dims = source.dims.map((dim, i) => dim + (low[i] ?? 0) + (high[i] ?? 0));
  const mode = ctx.text("mode") ?? "constant";
  if (mode !== "constant") return [repeatedPad(ctx, source, mode, low, dims)];
  const fill = ctx.optional(2);
  const value = fill ? ctx.numbers(2, "the value to pad with")[0] : ctx.float("value", 0);
  const y = filled(ctx.b, value ?? 0, x.type, dims);
  if (sizeOf(source.dims) > 0) place(ctx.b, source, y, low);
  return [y];
};

function repeatedPad(ctx: NodeContext, x: Value, mode: string, low: readonly number[], dims: readonly number[]): Value {
  let y = x;
  for (const [axis, size] of dims.entries()) {
    const own = x.dims[axis] ?? 1;
    if (size === own) continue;
    const indices = Float64Array.from({ length: size }, (_, at) => padIndex(mode, at, low[axis] ?? 0, own));
    const next = ctx.b.temp(x.type, y.dims.with(axis, size));
    const picks = ctx.b.known({ type: OnnxType.INT32, dims: [size], data: indices });
    ctx.b.emit(gatherCall({ ...ctx.split(y.dims, axis), picks: size }), [y, picks, next]);
    y = next;
  }
  return y;
}

const constantOfShape: Lowering = (ctx) => {
  const { type, data } = fillValue(ctx);
  return [filled(ctx.b, data[0] ?? 0, type, ctx.numbers(0, "the shape"))];
};

const range: Lowering = (ctx) => {
  const [start = 0, limit = 0, delta = 1] = [0, 1, 2].map((i) => ctx.numbers(i, "a bound of the range")[0]);
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  const data = Float64Array.from({ length: count }, (_, i) => start + i * delta);
  return [ctx.b.known({ type: ctx.input(0).type, dims: [count], data })];
};

export const dataOps: Readonly<Record<string, Lowering>> = {
  ...Object.fromEntries(Object.entries(viewRules).map(([op, rule]) => [op, view(rule)])),
  Concat: concatLowering,
  Gather: gather,
  Pad: pad,
  ConstantOfShape: constantOfShape,
  Range: range,
};
