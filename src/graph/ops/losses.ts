// Losses over classes: the negative logarithm of the wanted class's probability, weighted, some targets left out.
import { OnnxType } from "../../formats/onnx/ir.ts";
import { gatherCall } from "../../kernels/nn/gather.ts";
import { selectCall } from "../../kernels/nn/select.ts";
import { softmaxCall } from "../../kernels/nn/softmax.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import { sizeOf, type Value } from "../values.ts";
import { pickElements } from "./indexing.ts";
import { reduceAxes } from "./reduction.ts";
import { binary, filled, unary } from "./shared.ts";

/** The loss of logarithms [batch, classes, …] at targets [batch, …]. */
function lossOf(ctx: NodeContext, logarithms: Value): Value {
  const { b } = ctx;
  const [target, weight] = [ctx.input(1), ctx.optional(2)];
  const [batch = 1, classes = 1, ...rest] = logarithms.dims;
  if (target.dims.join() !== [batch, ...rest].join()) {
    throw ctx.mismatch(`targets [${target.dims.join()}] do not fit scores [${logarithms.dims.join()}].`);
  }
  const { type } = logarithms;
  const dims = [batch, 1, sizeOf(rest)];
  const wanted = b.reshape(target, dims);
  const ignored = ctx.int("ignore_index");
  const isIgnored =
    ignored === undefined
      ? undefined
      : binary(b, "intEqual", wanted, b.scalar(ignored, OnnxType.INT32), dims, OnnxType.BOOL);
  // Chosen, not multiplied by zero: a logarithm may be infinite.
  const without = (value: Value): Value => {
    if (!isIgnored) return value;
    const y = b.temp(value.type, dims);
    b.emit(selectCall({ condition: dims, a: [], b: dims, y: dims }), [isIgnored, b.scalar(0, type), value, y]);
    return y;
  };
  const weightOf = (factors: Value): Value => {
    const y = b.temp(type, dims);
    b.emit(gatherCall({ outer: 1, axis: classes, inner: 1, picks: sizeOf(dims) }), [factors, wanted, y]);
    return y;
  };
  const picked = pickElements(b, b.reshape(logarithms, [batch, classes, sizeOf(rest)]), wanted, 1);
  const factor = without(weight ? weightOf(weight) : filled(b, 1, type, dims));
  const loss = without(unary(b, "neg", binary(b, "mul", picked, factor, dims)));
  const reduction = ctx.text("reduction") ?? "mean";
  if (reduction === "none") return b.reshape(loss, target.dims);
  const sum = reduceAxes(b, loss, [0, 1, 2], "sum");
  return reduction === "sum" ? sum : binary(b, "div", sum, reduceAxes(b, factor, [0, 1, 2], "sum"), []);
}

const softmaxCrossEntropy: Lowering = (ctx) => {
  const scores = ctx.input(0);
  const logarithms = ctx.b.temp(scores.type, scores.dims);
  ctx.b.emit(softmaxCall(ctx.split(scores.dims, 1), "logSoftmax"), [scores, logarithms]);
  return [lossOf(ctx, logarithms), logarithms];
};

export const lossOps: Readonly<Record<string, Lowering>> = {
  NegativeLogLikelihoodLoss: (ctx) => [lossOf(ctx, ctx.input(0))],
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};
