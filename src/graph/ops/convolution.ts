// Convolutions. Weights are packed for the kernel once, where they are constant.
import { OnnxType } from "../../formats/onnx/ir.ts";
import type { ConvShape } from "../../kernels/nn/conv-shape.ts";
import { convCall } from "../../kernels/nn/conv.ts";
import { packConvWeightsCall, packedConvWeightBytes } from "../../kernels/nn/pack-conv-weights.ts";
import type { Lowering } from "../node-context.ts";
import { windowOf } from "./windows.ts";

const conv: Lowering = (ctx) => {
  const [x, weights, bias] = [ctx.input(0), ctx.input(1), ctx.optional(2)];
  const { shape: window } = windowOf(ctx, x.dims, weights.dims.slice(2));
  const groups = ctx.int("group", 1);
  const [outputs = 1, perGroup = 1] = weights.dims;
  if (perGroup * groups !== window.channels || weights.dims.length !== x.dims.length) {
    throw ctx.mismatch(`weights [${weights.dims.join()}] in ${groups} groups do not fit [${x.dims.join()}].`);
  }
  const shape: ConvShape = { ...window, outputs, groups };
  const packed = ctx.b.temp(OnnxType.FLOAT, [packedConvWeightBytes(shape) / 4], weights.name);
  ctx.b.emit(packConvWeightsCall(shape), [weights, packed]);
  const y = ctx.b.temp(x.type, [window.batch, outputs, ...window.output]);
  const call = convCall(shape, { bias: bias !== undefined, activation: ctx.activation });
  ctx.b.emit(call, [x, packed, bias ?? ctx.b.none(), y]);
  return [y];
};

export const convolutionOps: Readonly<Record<string, Lowering>> = { Conv: conv };
