// Operators that order elements or depend on which there are: TopK, CumSum, and those whose output's shape follows
// from the data (NonZero, Compress, Unique), which run where the data is known before the run.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { stridesOf } from "../../kernels/nn/broadcast.ts";
import { cumulativeSumCall } from "../../kernels/nn/cumulative-sum.ts";
import { gatherCall } from "../../kernels/nn/gather.ts";
import { topKCall } from "../../kernels/nn/top-k.ts";
import type { Lowering } from "../node-context.ts";
import { intTensor, isFloatType, sizeOf, wordTypeOf } from "../values.ts";

const topK: Lowering = (ctx) => {
  const { b } = ctx;
  const x = ctx.input(0);
  const axis = ctx.axis(ctx.int("axis", -1), x.dims.length);
  const k = ctx.int("k") ?? ctx.numbers(1, "the number of elements")[0] ?? 0;
  const size = x.dims[axis] ?? 1;
  if (k < 0 || k > size) throw ctx.mismatch(`there are no ${k} elements on axis ${axis} of [${x.dims.join()}].`);
  const dims = x.dims.with(axis, k);
  const [values, places] = [b.temp(x.type, dims), b.temp(OnnxType.INT64, dims)];
  const options = { kind: wordTypeOf(x.type), smallest: ctx.int("largest", 1) === 0 };
  b.emit(topKCall(ctx.split(x.dims, axis), k, options), [x, values, places]);
  return [values, places];
};

const cumSum: Lowering = (ctx) => {
  const { b } = ctx;
  const x = ctx.input(0);
  const axis = ctx.axis(ctx.numbers(1, "the axis")[0] ?? 0, x.dims.length);
  const y = b.temp(x.type, x.dims);
  const options = {
    exclusive: ctx.int("exclusive", 0) === 1,
    reverse: ctx.int("reverse", 0) === 1,
    whole: !isFloatType(x.type),
  };
  b.emit(cumulativeSumCall(ctx.split(x.dims, axis), options), [x, y]);
  return [y];
};

const nonZero: Lowering = (ctx) => {
  const { dims, data } = ctx.host(0, "the elements that are not zero");
  const strides = stridesOf(dims);
  const found = [...data.keys()].filter((at) => data[at] !== 0);
  const rows = dims.flatMap((dim, axis) => found.map((at) => Math.floor(at / (strides[axis] ?? 1)) % dim));
  return [ctx.b.known(intTensor(rows, [dims.length, found.length]))];
};

const compress: Lowering = (ctx) => {
  const { b } = ctx;
  const x = ctx.input(0);
  const given = ctx.int("axis");
  const flags = ctx.numbers(1, "the condition");
  const axis = given === undefined ? undefined : ctx.axis(given, x.dims.length);
  const shape = axis === undefined ? { outer: 1, axis: sizeOf(x.dims), inner: 1 } : ctx.split(x.dims, axis);
  const kept = flags.flatMap((flag, i) => (flag !== 0 && i < shape.axis ? [i] : []));
  const y = b.temp(x.type, axis === undefined ? [kept.length] : x.dims.with(axis, kept.length));
  const picks = b.known({ type: OnnxType.INT32, dims: [kept.length], data: Float64Array.from(kept) });
  b.emit(gatherCall({ ...shape, picks: kept.length }), [x, picks, y]);
  return [y];
};

const unique: Lowering = (ctx) => {
  const { b } = ctx;
  const { type, dims, data } = ctx.host(0, "the elements to tell apart");
  const given = ctx.int("axis");
  const axis = given === undefined ? undefined : ctx.axis(given, dims.length);
  const {
    outer,
    axis: size,
    inner,
  } = axis === undefined ? { outer: 1, axis: data.length, inner: 1 } : ctx.split(dims, axis);
  const slice = (i: number): readonly number[] =>
    Array.from({ length: outer * inner }, (_, n) => {
      const o = Math.floor(n / inner);
      return data[(o * size + i) * inner + (n - o * inner)] ?? 0;
    });
  const groups = new Map<string, { readonly values: readonly number[]; first: number; count: number }>();
  const keys = Array.from({ length: size }, (_, i) => {
    const values = slice(i);
    const key = values.join();
    const group = groups.get(key);
    if (group) group.count += 1;
    else groups.set(key, { values, first: i, count: 1 });
    return key;
  });
  const order = [...groups];
  if (ctx.int("sorted", 1) === 1) {
    order.sort(([, p], [, q]) => {
      const at = p.values.findIndex((value, n) => value !== q.values[n]);
      return (p.values[at] ?? 0) - (q.values[at] ?? 0);
    });
  }
  const ranks = new Map(order.map(([key], rank) => [key, rank]));
  const result = new Float64Array(outer * order.length * inner);
  for (const [rank, [, { values }]] of order.entries()) {
    for (const [n, value] of values.entries()) {
      const o = Math.floor(n / inner);
      result[(o * order.length + rank) * inner + (n - o * inner)] = value;
    }
  }
  return [
    b.known({ type, dims: axis === undefined ? [order.length] : dims.with(axis, order.length), data: result }),
    b.known(intTensor(order.map(([, { first }]) => first))),
    b.known(intTensor(keys.map((key) => ranks.get(key) ?? 0))),
    b.known(intTensor(order.map(([, { count }]) => count))),
  ];
};

export const orderingOps: Readonly<Record<string, Lowering>> = {
  TopK: topK,
  CumSum: cumSum,
  NonZero: nonZero,
  Compress: compress,
  Unique: unique,
};
