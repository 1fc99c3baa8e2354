// Products and convolutions of integer codes, exact as integers are. Sums whose terms stay below 2^24 in all are exact
// in f32 whatever their order, and run in the float kernels; longer ones run in the integer kernel, or in pieces.
import { InternalError } from "../../base/errors.ts";
import { onnxTypeName } from "../../formats/onnx/dtypes.ts";
import { OnnxType } from "../../formats/onnx/ir.ts";
import { matmulShape } from "../../kernels/matmul/batched.ts";
import { integerMatmulCall } from "../../kernels/matmul/integer.ts";
import type { ConvShape } from "../../kernels/nn/conv-shape.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { sizeOf, type Value } from "../values.ts";
import { convolve, convShapeOf } from "./convolution.ts";
import { decodeConstant } from "./decode.ts";
import { product } from "./product.ts";
import { codeRanges, dynamicCodes } from "./quantization.ts";
import { binary, concat, filled, takeView, unary } from "./shared.ts";
import { expanded, sliced } from "./views.ts";

/** Sums of terms below this in all are exact in f32. */
const exactSum = 2 ** 24;

/** Codes less their zero points. */
export interface Centered {
  readonly dims: readonly number[];
  /** Largest magnitude that may come up. */
  readonly reach: number;
  readonly real: () => Value;
  readonly int: () => Value;
}

/** Zero points with dims that broadcast along the codes: one for all, or one an index of `axis`, or of that rank. */
function spread(ctx: NodeContext, codes: Value, zero: Value, axis: number): Value {
  if (sizeOf(zero.dims) === 1) return ctx.b.reshape(zero, []);
  if (zero.dims.length === codes.dims.length && zero.dims.length > 1) return zero;
  if (sizeOf(zero.dims) !== codes.dims[axis]) {
    throw ctx.mismatch(`zero points [${zero.dims.join()}] do not fit axis ${axis} of [${codes.dims.join()}].`);
  }
  return ctx.b.reshape(
    zero,
    codes.dims.map((dim, i) => (i === axis ? dim : 1)),
  );
}

function reachOf(ctx: NodeContext, codes: Value, zero: Value | undefined): number {
  const range = codeRanges[codes.type];
  if (!range || !(codes.type === OnnxType.INT8 || codes.type === OnnxType.UINT8)) {
    throw ctx.unsupported(`codes of type ${onnxTypeName(codes.type)} can't be multiplied.`, "Use int8 or uint8.");
  }
  const [low, high] = range;
  if (!zero) return Math.max(-low, high);
  return zero.host?.data.reduce((most, at) => Math.max(most, at - low, high - at), 0) ?? high - low;
}

/** @param axis the axis that a list of zero points runs along */
export function centered(ctx: NodeContext, codes: Value, zero: Value | undefined, axis: number): Centered {
  const { b } = ctx;
  const along = zero && spread(ctx, codes, zero, axis);
  const isFlat = !along || sizeOf(along.dims) === 1 || along.dims.every((dim, i) => i === axis || dim === 1);
  const groups = along ? sizeOf(along.dims) : 1;
  const decoded = (): Value | undefined => {
    if (!isFlat) return undefined;
    const { outer, axis: channels, inner } = ctx.split(codes.dims, axis);
    const geometry =
      groups === 1
        ? ({ kind: "wide", outer: 1, channels: 1, inner: sizeOf(codes.dims) } as const)
        : ({ kind: "wide", outer, channels, inner } as const);
    return decodeConstant(b, codes, geometry, { scale: ones(b, groups), zero }, OnnxType.FLOAT);
  };
  const words = (): Value =>
    along ? binary(b, "intSub", codes, along, codes.dims, OnnxType.INT32) : b.retype(codes, OnnxType.INT32);
  return {
    dims: codes.dims,
    reach: reachOf(ctx, codes, zero),
    real: () => decoded() ?? unary(b, "intToReal", words(), { type: OnnxType.FLOAT }),
    int: () => {
      const real = decoded();
      return real ? unary(b, "realToInt", real, { type: OnnxType.INT32 }) : words();
    },
  };
}

const ones = (b: GraphBuilder, count: number): Value =>
  b.known({ type: OnnxType.FLOAT, dims: [count], data: new Float64Array(count).fill(1) });

/** The product of matrices of integers by NumPy's rules, in int32. */
export function integerProduct(ctx: NodeContext, x: Centered, w: Centered): Value {
  const { b } = ctx;
  const k = x.dims.at(-1) ?? 1;
  const { dims } = productShape(ctx, x, w);
  if (k * x.reach * w.reach <= exactSum) {
    return unary(b, "realToInt", product(b, x.real(), w.real()), { type: OnnxType.INT32 });
  }
  const y = b.temp(OnnxType.INT32, dims);
  if (sizeOf(dims) === 0) return y;
  const left = x.dims.length === 1 ? [1, ...x.dims] : x.dims;
  const right = w.dims.length === 1 ? [...w.dims, 1] : w.dims;
  const [leads, n] = [right.slice(0, -2), right.at(-1) ?? 1];
  if (sizeOf(leads) === 1) {
    b.emit(integerMatmulCall({ m: sizeOf(left) / k, n, k }), [x.int(), w.int(), b.none(), b.none(), y]);
    return y;
  }
  const batch = ctx.broadcast(left.slice(0, -2), leads);
  const m = left.at(-2) ?? 1;
  const wide = (value: Value, own: readonly number[]): Value => {
    const to = [...batch, ...own.slice(-2)];
    return takeView(b, b.reshape(value, own), expanded(own, to));
  };
  const call = integerMatmulCall({ m, n, k, batch: sizeOf(batch) });
  b.emit(call, [wide(x.int(), left), wide(w.int(), right), b.none(), b.none(), y]);
  return y;
}

/** The shape of a product. @throws FormatError for operands that do not fit */
function productShape(ctx: NodeContext, x: Centered, w: Centered): ReturnType<typeof matmulShape> {
  try {
    return matmulShape(x.dims, w.dims);
  } catch (error) {
    if (error instanceof InternalError) throw ctx.mismatch(error.message);
    throw error;
  }
}

/** A convolution of integers, in int32. Padding counts as the zero point of x. */
export function integerConv(ctx: NodeContext, x: Centered, w: Centered): Value {
  const shape = convShapeOf(ctx, x.dims, w.dims);
  return convolvePieces(ctx, shape, x.real(), w.real(), x.reach * w.reach);
}

/** Cuts a convolution by groups, then by channels, until its sums are exact, and adds them as integers. */
function convolvePieces(ctx: NodeContext, shape: ConvShape, x: Value, w: Value, most: number): Value {
  const { b } = ctx;
  const { groups, outputs, channels } = shape;
  const perGroup = channels / groups;
  const taps = sizeOf(shape.kernel);
  if (perGroup * taps * most <= exactSum) {
    return unary(b, "realToInt", convolve(b, shape, x, w, { type: OnnxType.FLOAT }), { type: OnnxType.INT32 });
  }
  const part = (of: Value, axis: number, start: number, count: number): Value =>
    takeView(b, of, sliced(of.dims, axis, start, count));
  if (groups > 1) {
    const each = outputs / groups;
    const one: ConvShape = { ...shape, groups: 1, outputs: each, channels: perGroup };
    const parts = Array.from({ length: groups }, (_, g) =>
      convolvePieces(ctx, one, part(x, 1, g * perGroup, perGroup), part(w, 0, g * each, each), most),
    );
    return concat(b, parts, 1);
  }
  const step = Math.floor(exactSum / (most * taps));
  if (step === 0) {
    throw ctx.unsupported(`a window of ${taps} elements is too large for exact sums.`, "Use a smaller window.");
  }
  let sum: Value | undefined;
  for (let start = 0; start < channels; start += step) {
    const count = Math.min(step, channels - start);
    const piece = { ...shape, channels: count };
    const next = convolvePieces(ctx, piece, part(x, 1, start, count), part(w, 1, start, count), most);
    sum = sum ? binary(b, "intAdd", sum, next, sum.dims) : next;
  }
  return sum ?? filled(b, 0, OnnxType.INT32, [shape.batch, outputs, ...shape.output]);
}

const matMulInteger: Lowering = (ctx) => {
  const [x, w] = [ctx.input(0), ctx.input(1)];
  return [integerProduct(ctx, rowsCentered(ctx, x, ctx.optional(2)), columnsCentered(ctx, w, ctx.optional(3)))];
};

/** A left operand, whose zero points are one, or one a row. */
export const rowsCentered = (ctx: NodeContext, x: Value, zero: Value | undefined): Centered =>
  centered(ctx, x, zero, Math.max(0, x.dims.length - 2));

/** A right operand, whose zero points are one, or one a column. */
export const columnsCentered = (ctx: NodeContext, w: Value, zero: Value | undefined): Centered =>
  centered(ctx, w, zero, Math.max(0, w.dims.length - 1));

const convInteger: Lowering = (ctx) => {
  const [x, w] = [ctx.input(0), ctx.input(1)];
  return [integerConv(ctx, centered(ctx, x, ctx.optional(2), 1), centered(ctx, w, ctx.optional(3), 0))];
};

/** The real product of a sum of codes under both scales, plus a bias. */
function rescaled(ctx: NodeContext, sum: Value, scale: Value, bias: Value | undefined): Value {
  const { b } = ctx;
  const { dims } = sum;
  const real = binary(b, "mul", unary(b, "intToReal", sum, { type: OnnxType.FLOAT }), scale, dims);
  return bias ? binary(b, "add", real, bias, dims) : real;
}

const dynamicQuantizeMatMul: Lowering = (ctx) => {
  const { b } = ctx;
  const { codes, scale, zero } = dynamicCodes(b, ctx.input(0));
  const [w, wScale] = [ctx.input(1), ctx.input(2)];
  const sum = integerProduct(ctx, rowsCentered(ctx, codes, zero), columnsCentered(ctx, w, ctx.optional(3)));
  const both = binary(b, "mul", wScale, scale, wScale.dims);
  return [rescaled(ctx, sum, both, ctx.optional(4))];
};

const matMulIntegerToFloat: Lowering = (ctx) => {
  const [x, w, xScale, wScale] = [ctx.input(0), ctx.input(1), ctx.input(2), ctx.input(3)];
  if (sizeOf(xScale.dims) !== 1) throw ctx.unsupported("it has a scale for each row.", "Use one scale.");
  const sum = integerProduct(ctx, rowsCentered(ctx, x, ctx.optional(4)), columnsCentered(ctx, w, ctx.optional(5)));
  const both = binary(ctx.b, "mul", wScale, ctx.b.reshape(xScale, []), wScale.dims);
  return [rescaled(ctx, sum, both, ctx.optional(6))];
};

export const integerOps: Readonly<Record<string, Lowering>> = {
  MatMulInteger: matMulInteger,
  ConvInteger: convInteger,
};

export const microsoftIntegerOps: Readonly<Record<string, Lowering>> = {
  DynamicQuantizeMatMul: dynamicQuantizeMatMul,
  MatMulIntegerToFloat: matMulIntegerToFloat,
};
