// Operators on host tensors: the arithmetic of shapes, as far as exported models do it outside of data.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { broadcastStrides, stridesOf } from "../../kernels/nn/broadcast.ts";
import type { NodeContext } from "../node-context.ts";
import { forEachPosition } from "../ops/views.ts";
import { decodeTensor } from "./decode.ts";
import { intTensor, isFloatType, sizeOf, type HostTensor } from "../values.ts";

export type HostRule = (ctx: NodeContext, inputs: readonly HostTensor[]) => readonly HostTensor[] | undefined;

const bool = (test: boolean): number => Number(test);

/** Integer types wrap as their width says; 64 bits stay within doubles. */
const wrap = (type: number, value: number): number => {
  if (type === OnnxType.INT32) return value | 0;
  if (type === OnnxType.UINT32) return value >>> 0;
  if (type === OnnxType.INT16) return (value << 16) >> 16;
  if (type === OnnxType.UINT16) return value & 0xffff;
  if (type === OnnxType.INT8) return (value << 24) >> 24;
  if (type === OnnxType.UINT8) return value & 0xff;
  return value;
};

const each =
  (f: (x: number) => number): HostRule =>
  (_, [x]) =>
    x && [{ ...x, data: x.data.map(f) }];

function broadcastTogether(
  ctx: NodeContext,
  inputs: readonly HostTensor[],
  type: number,
  f: (...values: readonly number[]) => number,
): readonly HostTensor[] {
  const dims = ctx.broadcast(...inputs.map((input) => input.dims));
  const data = new Float64Array(sizeOf(dims));
  const columns = inputs.map((input) => {
    const column = new Float64Array(data.length);
    const strides = broadcastStrides(input.dims, dims);
    forEachPosition({ dims, box: dims, start: 0, strides }, (position, at) => (column[at] = input.data[position] ?? 0));
    return column;
  });
  for (let at = 0; at < data.length; at++) data[at] = wrap(type, f(...columns.map((column) => column[at] ?? 0)));
  return [{ type, dims, data }];
}

const arithmetic =
  (f: (a: number, b: number) => number, whole: (a: number, b: number) => number = f): HostRule =>
  (ctx, inputs) => {
    const [first] = inputs;
    if (!first) return undefined;
    const pick = isFloatType(first.type) ? f : whole;
    return broadcastTogether(ctx, inputs, first.type, (...values) => values.reduce((a, b) => pick(a, b)));
  };

const comparison =
  (f: (a: number, b: number) => boolean): HostRule =>
  (ctx, inputs) =>
    broadcastTogether(ctx, inputs, OnnxType.BOOL, (a = 0, b = 0) => bool(f(a, b)));

const modulo = (ctx: NodeContext) => (a: number, b: number) => {
  const rest = a % b;
  return ctx.int("fmod", 0) === 1 || rest === 0 || rest < 0 === b < 0 ? rest : rest + b;
};

const gather: HostRule = (ctx, [x, indices]) => {
  if (!x || !indices) return undefined;
  const axis = ctx.axis(ctx.int("axis", 0), x.dims.length);
  const { outer, axis: size, inner } = ctx.split(x.dims, axis);
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const data = new Float64Array(sizeOf(dims));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const given of indices.data) {
      const index = given < 0 ? given + size : given;
      if (index < 0 || index >= size)
        throw ctx.mismatch(`index ${given} is outside of axis ${axis} of [${x.dims.join()}].`);
      for (let i = 0; i < inner; i++) data[at++] = x.data[(o * size + index) * inner + i] ?? 0;
    }
  }
  return [{ type: x.type, dims, data }];
};

const concat: HostRule = (ctx, inputs) => {
  const [first] = inputs;
  if (!first) return undefined;
  const axis = ctx.axis(ctx.int("axis", 0), first.dims.length);
  const dims = first.dims.with(
    axis,
    inputs.reduce((sum, input) => sum + (input.dims[axis] ?? 0), 0),
  );
  const outer = sizeOf(dims.slice(0, axis));
  const data = new Float64Array(sizeOf(dims));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { data: part } of inputs) {
      const run = part.length / Math.max(1, outer);
      data.set(part.subarray(o * run, (o + 1) * run), at);
      at += run;
    }
  }
  return [{ type: first.type, dims, data }];
};

const reduction =
  (start: number, f: (sum: number, x: number) => number, finish = (sum: number, _count: number) => sum): HostRule =>
  (ctx, [x, axesInput]) => {
    if (!x) return undefined;
    const rank = x.dims.length;
    const given = ctx.ints("axes") ?? (axesInput ? [...axesInput.data] : []);
    const none = given.length === 0;
    if (none && ctx.int("noop_with_empty_axes", 0) === 1) return [x];
    const axes = new Set(none ? x.dims.map((_, i) => i) : given.map((axis) => ctx.axis(axis, rank)));
    const kept = x.dims.map((dim, i) => (axes.has(i) ? 1 : dim));
    const data = new Float64Array(sizeOf(kept)).fill(start);
    const strides = stridesOf(kept).map((stride, i) => (axes.has(i) ? 0 : stride));
    forEachPosition({ dims: x.dims, box: x.dims, start: 0, strides }, (position, at) => {
      data[position] = f(data[position] ?? start, x.data[at] ?? 0);
    });
    const count = x.data.length / Math.max(1, data.length);
    const dims = ctx.int("keepdims", 1) === 1 ? kept : kept.filter((_, i) => !axes.has(i));
    return [{ type: x.type, dims, data: data.map((sum) => finish(sum, count)) }];
  };

const cast: HostRule = (ctx, [x]) => {
  const type = ctx.int("to");
  if (!x || type === undefined) return undefined;
  if (type === OnnxType.BOOL) return [{ ...x, type, data: x.data.map((v) => bool(v !== 0)) }];
  return [{ ...x, type, data: isFloatType(type) ? x.data : x.data.map((v) => wrap(type, Math.trunc(v))) }];
};

const range: HostRule = (_, [start, limit, delta]) => {
  const [from = 0, to = 0, step = 1] = [start, limit, delta].map((tensor) => tensor?.data[0]);
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!start || count > 2 ** 20) return undefined;
  const data = Float64Array.from({ length: count }, (__, i) => from + i * step);
  return [{ type: start.type, dims: [count], data }];
};

/** Larger fills are made on the device. */
const mostConstants = 65_536;

/** The value of ConstantOfShape: a tensor of one element; f32 zero where absent. */
export function fillValue(ctx: NodeContext): HostTensor {
  const value = ctx.node.attributes.find(({ name }) => name === "value")?.value;
  if (value?.type !== "tensor") return { type: OnnxType.FLOAT, dims: [1], data: Float64Array.of(0) };
  const found = value.value.data.kind === "bytes" ? decodeTensor(value.value, value.value.data.bytes) : undefined;
  if (found) return found;
  throw ctx.unsupported("the fill value is no small number.", "Export the model again.");
}

const constantOfShape: HostRule = (ctx, [shape]) => {
  if (!shape) return undefined;
  const dims = [...shape.data];
  const value = fillValue(ctx);
  // Filled on the device where it is large.
  if (sizeOf(dims) > mostConstants) return undefined;
  return [{ type: value.type, dims, data: new Float64Array(sizeOf(dims)).fill(value.data[0] ?? 0) }];
};

const nonZero: HostRule = (_, [x]) => {
  if (!x) return undefined;
  const found = [...x.data.keys()].filter((at) => x.data[at] !== 0);
  const strides = stridesOf(x.dims);
  const indices = x.dims.flatMap((dim, axis) => found.map((at) => Math.floor(at / (strides[axis] ?? 1)) % dim));
  return [intTensor(indices, [x.dims.length, found.length])];
};

const where: HostRule = (ctx, inputs) => {
  const type = inputs[1]?.type;
  return type === undefined ? undefined : broadcastTogether(ctx, inputs, type, (c, a = 0, b = 0) => (c ? a : b));
};

const halfEven = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
};

const constant: HostRule = (ctx) => {
  const [int, float] = [ctx.int("value_int"), ctx.float("value_float")];
  const [ints, floats] = [ctx.ints("value_ints"), ctx.floats("value_floats")];
  if (int !== undefined) return [intTensor([int], [])];
  if (ints) return [intTensor(ints)];
  const values = float === undefined ? floats : [float];
  if (!values) return undefined;
  return [{ type: OnnxType.FLOAT, dims: floats ? [floats.length] : [], data: Float64Array.from(values) }];
};

export const hostRules: Readonly<Record<string, HostRule>> = {
  Constant: constant,
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  Div: arithmetic(
    (a, b) => a / b,
    (a, b) => Math.trunc(a / b),
  ),
  Pow: (ctx, inputs) => arithmetic((a, b) => a ** b)(ctx, inputs),
  Mod: (ctx, inputs) => arithmetic(modulo(ctx))(ctx, inputs),
  Min: arithmetic(Math.min),
  Max: arithmetic(Math.max),
  Sum: arithmetic((a, b) => a + b),
  Equal: comparison((a, b) => a === b),
  Greater: comparison((a, b) => a > b),
  Less: comparison((a, b) => a < b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  LessOrEqual: comparison((a, b) => a <= b),
  And: comparison((a, b) => a !== 0 && b !== 0),
  Or: comparison((a, b) => a !== 0 || b !== 0),
  Xor: comparison((a, b) => (a !== 0) !== (b !== 0)),
  Not: each((x) => bool(x === 0)),
  Neg: each((x) => -x),
  Abs: each(Math.abs),
  Sign: each(Math.sign),
  Floor: each(Math.floor),
  Ceil: each(Math.ceil),
  Round: each(halfEven),
  Sqrt: each(Math.sqrt),
  Reciprocal: each((x) => 1 / x),
  Exp: each(Math.exp),
  Log: each(Math.log),
  Cast: cast,
  Where: where,
  Gather: gather,
  Concat: concat,
  Range: range,
  ConstantOfShape: constantOfShape,
  NonZero: nonZero,
  ReduceSum: reduction(0, (sum, x) => sum + x),
  ReduceProd: reduction(1, (product, x) => product * x),
  ReduceMax: reduction(Number.NEGATIVE_INFINITY, Math.max),
  ReduceMin: reduction(Number.POSITIVE_INFINITY, Math.min),
  ReduceMean: reduction(
    0,
    (sum, x) => sum + x,
    (sum, count) => sum / count,
  ),
};
