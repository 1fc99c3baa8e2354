// Convolutions. Weights are packed for the kernel once, where they are constant.
import { OnnxType } from "../../formats/onnx/ir.ts";
import type { Activation } from "../../kernels/nn/activation.ts";
import type { ConvShape } from "../../kernels/nn/conv-shape.ts";
import { convCall } from "../../kernels/nn/conv.ts";
import { convDepthwiseCall, isDepthwise } from "../../kernels/nn/conv-depthwise.ts";
import { convTransposeCall } from "../../kernels/nn/conv-transpose.ts";
import { packConvWeightsCall, packedConvWeightBytes } from "../../kernels/nn/pack-conv-weights.ts";
import type { GraphBuilder } from "../builder.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { sizeOf, type Value } from "../values.ts";
import { rowPieces } from "./pieces.ts";
import { binary, concat, takeView, unary } from "./shared.ts";
import { sliced } from "./views.ts";
import { transposedWindowOf, windowOf } from "./windows.ts";

interface ConvParts {
  readonly bias?: Value;
  readonly activation?: Activation;
  readonly type: number;
}

/** A convolution that takes in a bias, a normalization's scale and shift, and an activation behind it. */
export function convolve(b: GraphBuilder, shape: ConvShape, x: Value, weights: Value, parts: ConvParts): Value {
  const { bias, activation, type } = parts;
  const { batch, outputs, output } = shape;
  const pieces = shape.groups === 1 ? rowPieces(b, weights) : undefined;
  if (pieces) {
    const channels = pieces.map(({ start, count, value }) => {
      const own = bias && takeView(b, bias, sliced([outputs], 0, start, count));
      return convolve(b, { ...shape, outputs: count }, x, value, {
        type,
        ...(own ? { bias: own } : {}),
        ...(activation ? { activation } : {}),
      });
    });
    return concat(b, channels, 1);
  }
  const y = b.temp(type, [batch, outputs, ...output]);
  const options = { bias: bias !== undefined, ...(activation ? { activation } : {}) };
  if (isDepthwise(shape)) b.emit(convDepthwiseCall(shape, options), [x, weights, bias ?? b.none(), y]);
  else {
    const packed = b.temp(OnnxType.FLOAT, [packedConvWeightBytes(shape) / 4], weights.name);
    b.emit(packConvWeightsCall(shape), [weights, packed]);
    b.emit(convCall(shape, { ...options, target: b.target }), [x, packed, bias ?? b.none(), y]);
  }
  if (activation) return y;
  const perChannel = (value: Value): Value => b.reshape(value, [outputs]);
  // A bias behind a convolution is [1, outputs, 1 …], or leaves out leading ones.
  const isBias = ({ dims }: Value): boolean =>
    sizeOf(dims) === outputs && (outputs === 1 || dims[dims.length - 1 - output.length] === outputs);
  const again = (change: Partial<ConvParts>, by: Value = weights): Value =>
    convolve(b, shape, x, by, { ...parts, ...change });
  return {
    ...y,
    fusion: {
      activate: (next) => again({ activation: next }),
      add: (more) => {
        if (!isBias(more)) return undefined;
        const flat = perChannel(more);
        return again({ bias: bias ? binary(b, "add", bias, flat, [outputs]) : flat });
      },
      ...(b.isConstant(weights) && (!bias || b.isConstant(bias))
        ? {
            scale: (factor, shift) => {
              const along = b.reshape(factor, [outputs, ...weights.dims.slice(1).map(() => 1)]);
              const scaled = binary(b, "mul", weights, along, weights.dims);
              const moved = bias && binary(b, "add", binary(b, "mul", bias, factor, [outputs]), shift, [outputs]);
              return again({ bias: moved ?? shift }, scaled);
            },
          }
        : {}),
    },
  };
}

/** The shape of a node's convolution. @throws FormatError for dims that do not fit */
export function convShapeOf(ctx: NodeContext, x: readonly number[], weights: readonly number[]): ConvShape {
  const { shape: geometry } = windowOf(ctx, x, weights.slice(2));
  const groups = ctx.int("group", 1);
  const [outputs = 1, perGroup = 1] = weights;
  if (perGroup * groups !== geometry.channels || weights.length !== x.length) {
    throw ctx.mismatch(`weights [${weights.join()}] in ${groups} groups do not fit [${x.join()}].`);
  }
  return { ...geometry, outputs, groups };
}

const conv: Lowering = (ctx) => {
  const [x, weights, bias] = [ctx.input(0), ctx.input(1), ctx.optional(2)];
  const shape = convShapeOf(ctx, x.dims, weights.dims);
  return [convolve(ctx.b, shape, x, weights, { ...(bias ? { bias } : {}), type: x.type })];
};

/** A transposed convolution that takes in an activation behind it. */
const convTranspose: Lowering = (ctx) => {
  const { b } = ctx;
  const [x, weights, bias] = [ctx.input(0), ctx.input(1), ctx.optional(2)];
  const groups = ctx.int("group", 1);
  const geometry = transposedWindowOf(ctx, x.dims, weights.dims);
  if (weights.dims[0] !== geometry.channels || weights.dims.length !== x.dims.length) {
    throw ctx.mismatch(`weights [${weights.dims.join()}] do not fit [${x.dims.join()}].`);
  }
  const shape: ConvShape = { ...geometry, outputs: (weights.dims[1] ?? 1) * groups, groups };
  const run = (activation?: Activation): Value => {
    const y = b.temp(x.type, [shape.batch, shape.outputs, ...shape.output]);
    const options = { bias: bias !== undefined, ...(activation ? { activation } : {}) };
    b.emit(convTransposeCall(shape, options), [x, weights, bias ?? b.none(), y]);
    return y;
  };
  return [{ ...run(), fusion: { activate: run } }];
};

/** Normalization by stored statistics: one factor and one shift a channel, worked out once. */
const batchNormalization: Lowering = (ctx) => {
  if (ctx.int("training_mode", 0) === 1) {
    throw ctx.unsupported("it is in training mode.", "Export the model for inference.");
  }
  const { b } = ctx;
  const [x, gamma, beta, mean, variance] = [0, 1, 2, 3, 4].map((i) => ctx.input(i));
  if (!x || !gamma || !beta || !mean || !variance) throw ctx.mismatch("it lacks inputs.");
  const channels = sizeOf(gamma.dims);
  const epsilon = ctx.float("epsilon", 1e-5);
  const inverse = unary(b, "reciprocalSqrt", unary(b, "affine", variance, { a: 1, b: epsilon }));
  const factor = binary(b, "mul", gamma, inverse, [channels]);
  const shift = binary(b, "sub", beta, binary(b, "mul", mean, factor, [channels]), [channels]);
  const fused = b.isConstant(factor) && b.isConstant(shift) ? ctx.fusion(0)?.scale?.(factor, shift) : undefined;
  if (fused) return [fused];
  const along = [channels, ...x.dims.slice(2).map(() => 1)];
  const scaled = binary(b, "mul", x, b.reshape(factor, along), x.dims);
  return [binary(b, "add", scaled, b.reshape(shift, along), x.dims)];
};

export const convolutionOps: Readonly<Record<string, Lowering>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  BatchNormalization: batchNormalization,
};
