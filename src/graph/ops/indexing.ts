// Gathers and scatters by element and by coordinate. Coordinates are turned into flat ones on the device, by integer
// arithmetic that stays in range whatever the data; then one gather or one scatter moves the words.
import { gatherCall } from "../../kernels/nn/gather.ts";
import { stridesOf } from "../../kernels/nn/broadcast.ts";
import { isScatterOp, scatterCall, type ScatterOp } from "../../kernels/nn/scatter.ts";
import { selectCall } from "../../kernels/nn/select.ts";
import { OnnxType } from "../../formats/onnx/ir.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { isFloatType, sizeOf, wordTypeOf, type Value } from "../values.ts";
import { castTo, keepType } from "./elementwise.ts";
import { reduceAxes } from "./reduction.ts";
import { binary, filled, place, takeView } from "./shared.ts";
import { sliced } from "./views.ts";

const integers = (b: GraphBuilder, values: readonly number[], dims: readonly number[] = [values.length]): Value =>
  b.known({ type: OnnxType.INT32, dims, data: Float64Array.from(values) });

/** 0, 1, 2 … `step` apart along one of `rank` axes. */
function ramp(b: GraphBuilder, length: number, step: number, axis: number, rank: number): Value {
  const dims = Array.from<number>({ length: rank }).fill(1).with(axis, length);
  return integers(
    b,
    Array.from({ length }, (_, i) => i * step),
    dims,
  );
}

/** Indices that are known must lie in the axis. @throws FormatError */
function checkIndices(ctx: NodeContext, indices: Value, size: number): void {
  const wrong = indices.host?.data.find((index) => index < -size || index >= size);
  if (wrong !== undefined) throw ctx.mismatch(`index ${wrong} is outside of an axis of ${size}.`);
}

/** Elements of x along an axis, by an index for each element of the result; indices wrap around the axis. */
export function pickElements(b: GraphBuilder, x: Value, indices: Value, axis: number): Value {
  const y = b.temp(x.type, indices.dims);
  const count = sizeOf(indices.dims);
  if (count === 0) return y;
  const strides = stridesOf(x.dims);
  const { dims } = indices;
  const wrapped = binary(b, "intMod", indices, b.scalar(x.dims[axis] ?? 1, OnnxType.INT32), dims, OnnxType.INT32);
  let flat = binary(b, "intMul", wrapped, b.scalar(strides[axis] ?? 1, OnnxType.INT32), dims);
  for (const [i, length] of dims.entries()) {
    if (i === axis || length === 1) continue;
    flat = binary(b, "intAdd", flat, ramp(b, length, strides[i] ?? 1, i, dims.length), dims);
  }
  b.emit(gatherCall({ outer: 1, axis: sizeOf(x.dims), inner: 1, picks: count }), [x, flat, y]);
  return y;
}

/** Indices as the node's data has room for: of the same rank, and no longer off the axis. @throws FormatError */
function checkShape(ctx: NodeContext, x: Value, indices: Value, axis: number): void {
  const fits =
    indices.dims.length === x.dims.length && indices.dims.every((dim, i) => i === axis || dim <= (x.dims[i] ?? 0));
  if (!fits) throw ctx.mismatch(`indices [${indices.dims.join()}] do not fit [${x.dims.join()}].`);
}

const gatherElements: Lowering = (ctx) => {
  const [x, indices] = [ctx.input(0), ctx.input(1)];
  const axis = ctx.axis(ctx.int("axis", 0), x.dims.length);
  checkShape(ctx, x, indices, axis);
  checkIndices(ctx, indices, x.dims[axis] ?? 1);
  return [pickElements(ctx.b, x, indices, axis)];
};

/** Coordinates along the last axis of `indices` as one number, row-major over `dims`. */
function flattened(b: GraphBuilder, indices: Value, dims: readonly number[]): Value {
  const to = indices.dims;
  const wrapped = binary(b, "intMod", indices, integers(b, dims), to, OnnxType.INT32);
  const scaled = binary(b, "intMul", wrapped, integers(b, stridesOf(dims)), to);
  return reduceAxes(b, scaled, [to.length - 1], "sum");
}

const gatherNd: Lowering = (ctx) => {
  const { b } = ctx;
  const [x, indices] = [ctx.input(0), ctx.input(1)];
  const batchDims = ctx.int("batch_dims", 0);
  const depth = indices.dims.at(-1) ?? 1;
  const batches = x.dims.slice(0, batchDims);
  const fits =
    batchDims + depth <= x.dims.length && batches.every((dim, i) => dim === indices.dims[i] || indices.dims[i] === 0);
  if (!fits) throw ctx.mismatch(`indices [${indices.dims.join()}] do not fit [${x.dims.join()}].`);
  const walked = x.dims.slice(batchDims, batchDims + depth);
  const rest = x.dims.slice(batchDims + depth);
  const kept = indices.dims.slice(0, -1);
  const y = b.temp(x.type, [...kept, ...rest]);
  if (sizeOf(y.dims) === 0) return [y];
  const [batch, picks] = [sizeOf(batches), sizeOf(kept)];
  const within = b.reshape(depth === 0 ? filled(b, 0, OnnxType.INT32, kept) : flattened(b, indices, walked), [
    batch,
    picks / batch,
  ]);
  const flat =
    batch === 1
      ? within
      : binary(b, "intAdd", within, ramp(b, batch, sizeOf(walked), 0, 2), within.dims, OnnxType.INT32);
  b.emit(gatherCall({ outer: 1, axis: batch * sizeOf(walked), inner: sizeOf(rest), picks }), [x, flat, y]);
  return [y];
};

function reductionOf(ctx: NodeContext): ScatterOp {
  const name = ctx.text("reduction") ?? "none";
  if (isScatterOp(name)) return name;
  throw ctx.unsupported(`reduction "${name}" can't be run.`, "Use none, add, mul, max or min.");
}

/** No axis has such an index, counted from either end. */
const nowhere = -(2 ** 31);

const scatterElements: Lowering = (ctx) => {
  const { b } = ctx;
  const [x, indices, updates] = [ctx.input(0), ctx.input(1), ctx.input(2)];
  const axis = ctx.axis(ctx.int("axis", 0), x.dims.length);
  checkShape(ctx, x, indices, axis);
  checkIndices(ctx, indices, x.dims[axis] ?? 1);
  if (updates.dims.join() !== indices.dims.join()) {
    throw ctx.mismatch(`updates [${updates.dims.join()}] are not of the indices' shape [${indices.dims.join()}].`);
  }
  const picks = indices.dims[axis] ?? 0;
  if (sizeOf(indices.dims) === 0 || sizeOf(x.dims) === 0) return [x];
  // Lines of x that the indices do not reach get indices that mean nothing.
  const full = x.dims.with(axis, picks);
  const spread = (value: Value, fill: number): Value => {
    if (full.join() === value.dims.join()) return value;
    const wide = filled(b, fill, value.type, full);
    place(
      b,
      value,
      wide,
      full.map(() => 0),
    );
    return wide;
  };
  const y = b.temp(x.type, x.dims);
  const shape = { ...ctx.split(x.dims, axis), picks, sharedIndices: false };
  const call = scatterCall(shape, reductionOf(ctx), wordTypeOf(x.type));
  b.emit(call, [x, spread(b.retype(indices, OnnxType.INT32), nowhere), spread(updates, 0), y]);
  return [keepType(b, y)];
};

const scatterNd: Lowering = (ctx) => {
  const { b } = ctx;
  const [x, indices, updates] = [ctx.input(0), ctx.input(1), ctx.input(2)];
  const depth = indices.dims.at(-1) ?? 1;
  const kept = indices.dims.slice(0, -1);
  const rest = x.dims.slice(depth);
  if (depth > x.dims.length || updates.dims.join() !== [...kept, ...rest].join()) {
    throw ctx.mismatch(`indices [${indices.dims.join()}] or updates [${updates.dims.join()}] do not fit.`);
  }
  const picks = sizeOf(kept);
  if (sizeOf(updates.dims) === 0 || sizeOf(x.dims) === 0) return [x];
  const walked = x.dims.slice(0, depth);
  const flat = depth === 0 ? filled(b, 0, OnnxType.INT32, kept) : flattened(b, indices, walked);
  const y = b.temp(x.type, x.dims);
  const shape = { outer: 1, axis: sizeOf(walked), inner: sizeOf(rest), picks, sharedIndices: true };
  b.emit(scatterCall(shape, reductionOf(ctx), wordTypeOf(x.type)), [x, flat, updates, y]);
  return [keepType(b, y)];
};

const oneHot: Lowering = (ctx) => {
  const { b } = ctx;
  const [given, values] = [ctx.input(0), ctx.input(2)];
  const depth = Math.trunc(ctx.numbers(1, "the depth")[0] ?? 0);
  const rank = given.dims.length + 1;
  const axis = ctx.axis(ctx.int("axis", -1), rank);
  const indices = isFloatType(given.type) ? castTo(b, given, OnnxType.INT32) : given;
  const dims = given.dims.toSpliced(axis, 0, depth);
  const y = b.temp(values.type, dims);
  if (sizeOf(dims) === 0) return [y];
  const along = b.reshape(indices, given.dims.toSpliced(axis, 0, 1));
  const places = ramp(b, depth, 1, axis, rank);
  const fromEnd = binary(b, "intSub", places, b.scalar(depth, OnnxType.INT32), places.dims);
  const hit = binary(b, "intEqual", along, places, dims, OnnxType.BOOL);
  const hitFromEnd = binary(b, "intEqual", along, fromEnd, dims, OnnxType.BOOL);
  const either = binary(b, "or", hit, hitFromEnd, dims);
  const [off, on] = [0, 1].map((i) => b.reshape(takeView(b, values, sliced([2], 0, i, 1)), []));
  if (off && on) b.emit(selectCall({ condition: dims, a: [], b: [], y: dims }), [either, on, off, y]);
  return [y];
};

const reverseSequence: Lowering = (ctx) => {
  const { b } = ctx;
  const [x, lengths] = [ctx.input(0), ctx.input(1)];
  const [batchAxis, timeAxis] = [ctx.int("batch_axis", 1), ctx.int("time_axis", 0)];
  const [first = 1, second = 1, ...rest] = x.dims;
  const dims = [first, second];
  const y = b.temp(x.type, x.dims);
  if (sizeOf(x.dims) === 0) return [y];
  const own = b.reshape(lengths, [1, 1].with(batchAxis, sizeOf(lengths.dims)));
  const times = ramp(b, dims[timeAxis] ?? 1, 1, timeAxis, 2);
  const last = binary(b, "intSub", own, b.scalar(1, OnnxType.INT32), own.dims, OnnxType.INT32);
  const turned = binary(b, "intSub", last, times, dims, OnnxType.INT32);
  const inside = binary(b, "intLess", times, own, dims, OnnxType.BOOL);
  const source = b.temp(OnnxType.INT32, dims);
  b.emit(selectCall({ condition: dims, a: dims, b: times.dims, y: dims }), [inside, turned, times, source]);
  const strides = stridesOf(dims);
  const scaled = binary(b, "intMul", source, b.scalar(strides[timeAxis] ?? 1, OnnxType.INT32), dims);
  const batches = ramp(b, dims[batchAxis] ?? 1, strides[batchAxis] ?? 1, batchAxis, 2);
  const flat = binary(b, "intAdd", scaled, batches, dims);
  const count = first * second;
  b.emit(gatherCall({ outer: 1, axis: count, inner: sizeOf(rest), picks: count }), [x, flat, y]);
  return [y];
};

export const indexingOps: Readonly<Record<string, Lowering>> = {
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  ScatterND: scatterNd,
  OneHot: oneHot,
  ReverseSequence: reverseSequence,
};
