// Operators from codes to codes. Products and convolutions sum integers exactly, then rescale as onnxruntime does: by
// one factor, to nearest even, with saturation. The others go by way of real values, as their definitions do.
import { OnnxType } from "../../formats/onnx/ir.ts";
import type { BinaryOp } from "../../kernels/nn/binary.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { sizeOf, type Value } from "../values.ts";
import { elementwise } from "./elementwise.ts";
import { centered, columnsCentered, integerConv, integerProduct, rowsCentered } from "./integer.ts";
import { poolingOps } from "./pooling.ts";
import { codesOf, quantizeTo } from "./quantization.ts";
import { recurrentOps } from "./recurrent.ts";
import { reductionOps } from "./reduction.ts";
import { binary, concat, transpose, unary } from "./shared.ts";

/** A list along one axis of a rank, so that it broadcasts; one value without dims. */
function listAlong(ctx: NodeContext, list: Value, rank: number, axis: number): Value {
  const size = sizeOf(list.dims);
  if (size === 1) return ctx.b.reshape(list, []);
  const dims = Array.from<number>({ length: rank }).fill(1);
  return ctx.b.reshape(list, dims.with(axis, size));
}

/** Sums of codes in the scale of the result. */
function requantized(ctx: NodeContext, sum: Value, scales: readonly [Value, Value, Value], zero: Value): Value {
  const { b } = ctx;
  const [x, w, y] = scales;
  const both = binary(b, "mul", x, w, ctx.broadcast(x.dims, w.dims));
  const factor = binary(b, "div", both, y, both.dims);
  const real = binary(b, "mul", unary(b, "intToReal", sum, { type: OnnxType.FLOAT }), factor, sum.dims);
  return codesOf(b, real, b.reshape(zero, []), zero.type);
}

const qLinearMatMul: Lowering = (ctx) => {
  const [x, xScale, xZero, w, wScale, wZero] = inputsOf(ctx, 6);
  if (!x || !xScale || !xZero || !w || !wScale || !wZero) throw ctx.mismatch("it lacks inputs.");
  const sum = integerProduct(ctx, rowsCentered(ctx, x, xZero), columnsCentered(ctx, w, wZero));
  const rank = sum.dims.length;
  // Scales of the operands' own rank broadcast as they are.
  const placed = (scale: Value, axis: number): Value =>
    scale.dims.length > 1 && scale.dims.length === rank ? scale : listAlong(ctx, scale, rank, axis);
  const scales = [placed(xScale, rank - 2), placed(wScale, rank - 1), scalar(ctx, 6)] as const;
  return [requantized(ctx, sum, scales, scalar(ctx, 7))];
};

const inputsOf = (ctx: NodeContext, count: number): readonly Value[] =>
  Array.from({ length: count }, (_, i) => ctx.input(i));

const scalar = (ctx: NodeContext, index: number): Value => {
  const value = ctx.input(index);
  if (sizeOf(value.dims) === 1) return ctx.b.reshape(value, []);
  throw ctx.unsupported(`"${value.name}" is a list.`, "Quantize the result with one scale and zero point.");
};

const qLinearConv: Lowering = (ctx) => {
  const { b } = ctx;
  const [x, w, bias] = [ctx.input(0), ctx.input(3), ctx.optional(8)];
  const sum = integerConv(ctx, centered(ctx, x, ctx.input(2), 1), centered(ctx, w, ctx.input(5), 0));
  const rank = sum.dims.length;
  const biased = bias ? binary(b, "intAdd", sum, listAlong(ctx, bias, rank, 1), sum.dims) : sum;
  const scales = [scalar(ctx, 1), listAlong(ctx, ctx.input(4), rank, 1), scalar(ctx, 6)] as const;
  return [requantized(ctx, biased, scales, scalar(ctx, 7))];
};

/** The values of codes at input `at`, followed by a scale and perhaps a zero point. */
function realAt(ctx: NodeContext, at: number): Value {
  const zero = ctx.optional(at + 2) && scalar(ctx, at + 2);
  return realOf(ctx.b, ctx.input(at), scalar(ctx, at + 1), zero);
}

/** (codes - zero) * scale; both broadcast along the codes. */
export function realOf(b: GraphBuilder, codes: Value, scale: Value, zero: Value | undefined): Value {
  const centre = zero ? binary(b, "intSub", codes, zero, codes.dims, OnnxType.INT32) : codes;
  return binary(b, "mul", unary(b, "intToReal", centre, { type: scale.type }), scale, codes.dims);
}

/** Codes under the scale at input `at` and the zero point behind it; of the first input's type without one. */
function codesAt(ctx: NodeContext, at: number, real: Value): Value {
  const zero = ctx.optional(at + 1) && scalar(ctx, at + 1);
  return quantizeTo(ctx.b, real, scalar(ctx, at), zero, zero?.type ?? ctx.input(0).type);
}

const arithmetic =
  (op: BinaryOp): Lowering =>
  (ctx) => {
    const [x, z] = [realAt(ctx, 0), realAt(ctx, 3)];
    return [codesAt(ctx, 6, binary(ctx.b, op, x, z, ctx.broadcast(x.dims, z.dims)))];
  };

/** An operator of one input by its float form. */
const through =
  (lowering: Lowering | undefined): Lowering =>
  (ctx) => {
    if (ctx.int("channels_last", 0) !== 0) {
      throw ctx.unsupported("its channels come last.", "Export the model with channels first.");
    }
    // Softmax names the operator set whose rules it follows.
    const [y] = lowering?.(ctx.withInputs([realAt(ctx, 0)], ctx.int("opset", ctx.opset))) ?? [];
    if (!y) throw ctx.mismatch("it gives nothing.");
    return [codesAt(ctx, 3, y)];
  };

const qLinearConcat: Lowering = (ctx) => {
  const parts = Array.from({ length: Math.floor((ctx.inputCount - 2) / 3) }, (_, i) => realAt(ctx, 2 + 3 * i));
  const rank = parts[0]?.dims.length ?? 1;
  const joined = concat(ctx.b, parts, ctx.axis(ctx.int("axis", 0), rank));
  const y = codesAt(ctx, 0, joined);
  return [{ ...y, type: ctx.optional(1)?.type ?? y.type }];
};

/**
 * An LSTM on weights of 8 bits, decoded once. onnxruntime quantizes inputs and states too, step by step; here they stay
 * floats, so that results differ by its rounding: up to about a hundredth.
 */
const dynamicQuantizeLstm: Lowering = (ctx) => {
  const { b } = ctx;
  const weight = (at: number, scaleAt: number): Value => {
    const codes = ctx.input(at);
    const [directions = 1] = codes.dims;
    // One value a direction, or one a column of it.
    const along = (value: Value): Value => b.reshape(value, [directions, 1, sizeOf(value.dims) / directions]);
    const zero = ctx.optional(scaleAt + 1);
    const real = realOf(b, codes, along(ctx.input(scaleAt)), zero && along(zero));
    return transpose(b, real, [0, 2, 1]);
  };
  const others = [3, 4, 5, 6, 7].map((at) => ctx.optional(at));
  return recurrentOps["LSTM"]?.(ctx.withInputs([ctx.input(0), weight(1, 8), weight(2, 10), ...others])) ?? [];
};

export const quantizedOps: Readonly<Record<string, Lowering>> = {
  QLinearMatMul: qLinearMatMul,
  QLinearConv: qLinearConv,
};

export const microsoftQuantizedOps: Readonly<Record<string, Lowering>> = {
  QLinearConv: qLinearConv,
  QLinearAdd: arithmetic("add"),
  QLinearMul: arithmetic("mul"),
  QLinearSigmoid: through(elementwise["Sigmoid"]),
  QLinearLeakyRelu: through(elementwise["LeakyRelu"]),
  QLinearAveragePool: through(poolingOps["AveragePool"]),
  QLinearGlobalAveragePool: through(reductionOps["GlobalAveragePool"]),
  QLinearSoftmax: through(reductionOps["Softmax"]),
  QLinearConcat: qLinearConcat,
  DynamicQuantizeLSTM: dynamicQuantizeLstm,
};
