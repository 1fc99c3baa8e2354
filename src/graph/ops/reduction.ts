// Reductions, searches for extremes, and softmax: all over axes seen as [outer, axis, inner].
import { OnnxType } from "../../formats/onnx/ir.ts";
import { argReduceCall } from "../../kernels/nn/arg-reduce.ts";
import { binaryCall } from "../../kernels/nn/binary.ts";
import { reduceCall, type ReduceOp, type WholeReduceOp } from "../../kernels/nn/reduce.ts";
import { softmaxCall, type SoftmaxOp } from "../../kernels/nn/softmax.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { isFloatType, sizeOf, type Value } from "../values.ts";
import { castTo } from "./elementwise.ts";
import { transpose, unary } from "./shared.ts";

/** Reduces over some axes; the dims that are left keep their order, and reduced ones are dropped. */
export function reduceAxes(b: GraphBuilder, x: Value, axes: readonly number[], op: ReduceOp): Value {
  const isReduced = (axis: number): boolean => axes.includes(axis);
  const kept = x.dims.flatMap((dim, axis) => (isReduced(axis) ? [] : [dim]));
  const [first = 0, last = -1] = [Math.min(...axes), Math.max(...axes)];
  const together = last - first + 1 === axes.length;
  const order = [...x.dims.keys()].toSorted((p, q) => Number(isReduced(p)) - Number(isReduced(q)) || p - q);
  const source = together ? x : transpose(b, x, order);
  const inner = together ? sizeOf(x.dims.slice(last + 1)) : 1;
  const axis = axes.reduce((product, at) => product * (x.dims[at] ?? 1), 1);
  const outer = sizeOf(kept) / Math.max(1, inner);
  const y = b.temp(x.type, kept);
  const whole = !isFloatType(x.type);
  b.emit(reduceCall({ outer, axis, inner }, whole ? { whole: wholeOp(op) } : op), [source, y]);
  return y;
}

function wholeOp(op: ReduceOp): WholeReduceOp {
  if (op === "max" || op === "min" || op === "prod") return op;
  return "sum";
}

const reduction =
  (op: ReduceOp): Lowering =>
  (ctx) => {
    const { b } = ctx;
    const x = ctx.input(0);
    const given = ctx.ints("axes") ?? (ctx.optional(1) ? ctx.numbers(1, "the axes") : []);
    if (given.length === 0 && ctx.int("noop_with_empty_axes", 0) === 1) return [x];
    const all = [...x.dims.keys()];
    const axes = given.length === 0 ? all : [...new Set(given.map((axis) => ctx.axis(axis, x.dims.length)))];
    const dims = ctx.int("keepdims", 1) === 1 ? x.dims.map((dim, i) => (axes.includes(i) ? 1 : dim)) : undefined;
    if (axes.length === 0) return [x];
    const whole = !isFloatType(x.type) && !["sum", "max", "min", "prod"].includes(op);
    // Means and norms of integers go by way of floats, as far as those are exact.
    const source = whole ? castTo(b, x, OnnxType.FLOAT) : x;
    const y = reduceAxes(b, source, axes, op);
    const typed = whole ? castTo(b, y, x.type) : y;
    return [dims ? b.reshape(typed, dims) : typed];
  };

const argReduction =
  (op: "argMax" | "argMin"): Lowering =>
  (ctx) => {
    const { b } = ctx;
    const given = ctx.input(0);
    const x = isFloatType(given.type) ? given : castTo(b, given, OnnxType.FLOAT);
    const axis = ctx.axis(ctx.int("axis", 0), x.dims.length);
    const keeps = ctx.int("keepdims", 1) === 1;
    const y = b.temp(OnnxType.INT64, keeps ? x.dims.with(axis, 1) : x.dims.toSpliced(axis, 1));
    b.emit(argReduceCall(ctx.split(x.dims, axis), op, ctx.int("select_last_index", 0) === 1), [x, y]);
    return [y];
  };

/** Before operator set 13, everything from the axis on was one axis. */
const softmax =
  (op: SoftmaxOp): Lowering =>
  (ctx) => {
    const x = ctx.input(0);
    const flattens = ctx.opset < 13;
    const axis = ctx.axis(ctx.int("axis", flattens ? 1 : -1), x.dims.length);
    const shape = ctx.split(x.dims, axis);
    const y = ctx.b.temp(x.type, x.dims);
    ctx.b.emit(softmaxCall(flattens ? { ...shape, axis: shape.axis * shape.inner, inner: 1 } : shape, op), [x, y]);
    return [y];
  };

/** A reduction over all spatial dims, which stay as ones. */
const globalPool =
  (op: (ctx: NodeContext) => ReduceOp): Lowering =>
  (ctx) => {
    const x = ctx.input(0);
    const axes = [...x.dims.keys()].slice(2);
    if (axes.length === 0) return [x];
    const y = reduceAxes(ctx.b, x, axes, op(ctx));
    return [ctx.b.reshape(y, [...x.dims.slice(0, 2), ...axes.map(() => 1)])];
  };

const globalLpPool: Lowering = (ctx) => {
  const p = ctx.int("p", 2);
  if (p !== 1 && p !== 2) throw ctx.unsupported(`p = ${p} can't be run.`, "Use p = 1 or 2.");
  return globalPool(() => (p === 1 ? "l1" : "l2"))(ctx);
};

const lpNormalization: Lowering = (ctx) => {
  const { b } = ctx;
  const x = ctx.input(0);
  const axis = ctx.axis(ctx.int("axis", -1), x.dims.length);
  const norm = reduceAxes(b, x, [axis], ctx.int("p", 2) === 1 ? "l1" : "l2");
  // A norm of zero leaves zeros.
  const safe = unary(b, "clip", norm, { a: 1e-38, b: 3.4e38 });
  return [divide(ctx, x, b.reshape(safe, x.dims.with(axis, 1)))];
};

const divide = (ctx: NodeContext, x: Value, by: Value): Value => {
  const y = ctx.b.temp(x.type, x.dims);
  ctx.b.emit(binaryCall("div", { a: x.dims, b: by.dims, y: x.dims }), [x, by, y]);
  return y;
};

export const reductionOps: Readonly<Record<string, Lowering>> = {
  ReduceSum: reduction("sum"),
  ReduceMean: reduction("mean"),
  ReduceMax: reduction("max"),
  ReduceMin: reduction("min"),
  ReduceProd: reduction("prod"),
  ReduceL1: reduction("l1"),
  ReduceL2: reduction("l2"),
  ReduceSumSquare: reduction("sumSquare"),
  ReduceLogSum: reduction("logSum"),
  ReduceLogSumExp: reduction("logSumExp"),
  ArgMax: argReduction("argMax"),
  ArgMin: argReduction("argMin"),
  Softmax: softmax("softmax"),
  LogSoftmax: softmax("logSoftmax"),
  Hardmax: softmax("hardmax"),
  GlobalAveragePool: globalPool(() => "mean"),
  GlobalMaxPool: globalPool(() => "max"),
  GlobalLpPool: globalLpPool,
  LpNormalization: lpNormalization,
};
