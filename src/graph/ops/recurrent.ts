// Recurrent layers, step by step: one product for the inputs of all times, then a product and a step kernel a time.
import { OnnxType } from "../../formats/onnx/ir.ts";
import type { GateFunction, RecurrentStep } from "../../kernels/rnn/gate-functions.ts";
import { gruStepCall } from "../../kernels/rnn/gru-step.ts";
import { lstmStepCall } from "../../kernels/rnn/lstm-step.ts";
import { rnnStepCall } from "../../kernels/rnn/rnn-step.ts";
import type { Lowering, NodeContext } from "../node-context.ts";
import type { Value } from "../values.ts";
import { product } from "./product.ts";
import { concat, filled, takeView, transpose } from "./shared.ts";
import { sliced } from "./views.ts";

/** Gate functions by ONNX's names, with its default constants. */
const functions: Readonly<Record<string, GateFunction>> = {
  Relu: { kind: "relu" },
  Tanh: { kind: "tanh" },
  Sigmoid: { kind: "sigmoid" },
  Affine: { kind: "affine", a: 1, b: 0 },
  LeakyRelu: { kind: "leakyRelu", a: 0.01 },
  ThresholdedRelu: { kind: "thresholdedRelu", a: 1 },
  ScaledTanh: { kind: "scaledTanh", a: 1, b: 1 },
  HardSigmoid: { kind: "hardSigmoid", a: 0.2, b: 0.5 },
  Elu: { kind: "elu", a: 1 },
  Softsign: { kind: "softsign" },
  Softplus: { kind: "softplus" },
};

interface Layer {
  readonly ctx: NodeContext;
  /** Gates that a unit has. */
  readonly gates: number;
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly directions: number;
  readonly defaults: readonly string[];
}

/** One direction's tensors. */
interface Direction {
  readonly index: number;
  /** x W^T + Wb, [steps * batch, gates * hidden]. */
  readonly xGates: Value;
  /** [gates * hidden, hidden]. */
  readonly r: Value;
  readonly rBias: Value | undefined;
  readonly common: Omit<RecurrentStep, "step">;
  readonly functions: readonly GateFunction[];
}

/** Advances one step; gives the new state. */
type StepRule = (layer: Layer, direction: Direction, step: number, state: Value, y: Value, lengths: Value) => Value;

const slice = (ctx: NodeContext, x: Value, index: number, dims: readonly number[]): Value =>
  ctx.b.reshape(takeView(ctx.b, x, sliced(x.dims, 0, index, 1)), dims);

function functionsOf({ ctx, directions, defaults }: Layer, direction: number): readonly GateFunction[] {
  const names = ctx.texts("activations") ?? Array.from({ length: directions }, () => defaults).flat();
  const [alphas, betas] = [ctx.floats("activation_alpha") ?? [], ctx.floats("activation_beta") ?? []];
  return defaults.map((_, i) => {
    const at = direction * defaults.length + i;
    const name = names[at] ?? "";
    const known = Object.entries(functions).find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
    if (!known) throw ctx.unsupported(`there is no gate function "${name}".`, "Use one of ONNX's names.");
    const [a, b] = [alphas[at] ?? known.a, betas[at] ?? known.b];
    return { ...known, ...(a === undefined ? {} : { a }), ...(b === undefined ? {} : { b }) };
  });
}

/** All directions of a layer. @returns Y and the final states, [directions, batch, hidden] each */
function recurrent(
  layer: Layer,
  stateParts: number,
  initial: readonly (Value | undefined)[],
  rule: StepRule,
): { readonly y: Value; readonly finals: readonly Value[] } {
  const { ctx, gates, steps, batch, hidden, directions } = layer;
  const { b } = ctx;
  const batchFirst = ctx.int("layout", 0) === 1;
  const given = ctx.input(0);
  const x = batchFirst ? transpose(b, given, [1, 0, 2]) : given;
  const size = x.dims[2] ?? 1;
  const y = b.temp(x.type, [steps, directions, batch, hidden]);
  const [w, r, bias, lengths] = [ctx.input(1), ctx.input(2), ctx.optional(3), ctx.optional(4)];
  const clip = ctx.float("clip", 0);
  const finals: Value[] = [];
  for (let index = 0; index < directions; index++) {
    const both = bias && slice(ctx, bias, index, [2, gates * hidden]);
    const rows = gates * hidden;
    const wBias = both && slice(ctx, both, 0, [rows]);
    const xGates = product(b, b.reshape(x, [steps * batch, size]), slice(ctx, w, index, [rows, size]), {
      transB: true,
      ...(wBias ? { bias: wBias } : {}),
    });
    const reverse = ctx.text("direction") === "reverse" || index === 1;
    const direction: Direction = {
      index,
      xGates,
      r: slice(ctx, r, index, [rows, hidden]),
      rBias: both && slice(ctx, both, 1, [rows]),
      functions: functionsOf(layer, index),
      common: {
        batch,
        hidden,
        steps,
        reverse,
        lengths: lengths !== undefined,
        clip,
        x: { at: 0, time: batch * rows, batch: rows },
        y: { at: index * batch * hidden, time: directions * batch * hidden, batch: hidden },
      },
    };
    const starts = Array.from({ length: stateParts }, (_, part) => {
      const start = initial[part];
      if (!start) return filled(b, 0, x.type, [1, batch, hidden]);
      return slice(ctx, batchFirst ? transpose(b, start, [1, 0, 2]) : start, index, [1, batch, hidden]);
    });
    let state = concat(b, starts, 0);
    for (let step = 0; step < steps; step++) state = rule(layer, direction, step, state, y, lengths ?? b.none());
    finals.push(state);
  }
  return { y, finals };
}

/** A product that reads h, with which the state begins. */
function hiddenGates({ ctx, batch, hidden }: Layer, state: Value, r: Value, bias: Value | undefined): Value {
  const h = { ...state, dims: [batch, hidden] };
  return product(ctx.b, h, r, { transB: true, ...(bias ? { bias } : {}) });
}

function layerOf(ctx: NodeContext, gates: number, defaults: readonly string[]): Layer {
  const { dims } = ctx.input(0);
  const batchFirst = ctx.int("layout", 0) === 1;
  const [steps = 1, batch = 1] = batchFirst ? [dims[1], dims[0]] : dims;
  const [directions = 1, , hidden = 1] = ctx.input(2).dims;
  const rows = ctx.input(1).dims[1];
  if (dims.length !== 3 || rows !== gates * hidden || ctx.input(1).dims[2] !== dims[2]) {
    throw ctx.mismatch(`weights [${ctx.input(1).dims.join()}] do not fit [${dims.join()}].`);
  }
  return { ctx, gates, steps, batch, hidden, directions, defaults };
}

/** Outputs in the order and layout that the node wants: Y, then the parts of the final state. */
function outputs({ ctx, batch, hidden }: Layer, y: Value, finals: readonly Value[], parts: number): readonly Value[] {
  const { b } = ctx;
  const states = Array.from({ length: parts }, (_, part) => {
    const each = finals.map((state) => slice(ctx, state, part, [1, batch, hidden]));
    return concat(b, each, 0);
  });
  if (ctx.int("layout", 0) === 0) return [y, ...states];
  return [transpose(b, y, [2, 0, 1, 3]), ...states.map((state) => transpose(b, state, [1, 0, 2]))];
}

const lstm: Lowering = (ctx) => {
  const layer = layerOf(ctx, 4, ["Sigmoid", "Tanh", "Tanh"]);
  const { b } = ctx;
  const { batch, hidden } = layer;
  const p = ctx.optional(7);
  const { y, finals } = recurrent(
    layer,
    2,
    [ctx.optional(5), ctx.optional(6)],
    (_, direction, step, state, to, lengths) => {
      const next = b.temp(OnnxType.FLOAT, [2, batch, hidden]);
      const peepholes = p ? slice(ctx, p, direction.index, [3 * hidden]) : b.none();
      const [f, g, h] = direction.functions;
      const call = lstmStepCall({
        ...direction.common,
        step,
        peepholes: p !== undefined,
        inputForget: ctx.int("input_forget", 0) === 1,
        ...(f && g && h ? { functions: [f, g, h] as const } : {}),
      });
      const gates = hiddenGates(layer, state, direction.r, direction.rBias);
      b.emit(call, [direction.xGates, gates, state, peepholes, lengths, to, next]);
      return next;
    },
  );
  return outputs(layer, y, finals, 2);
};

const rnn: Lowering = (ctx) => {
  const layer = layerOf(ctx, 1, ["Tanh"]);
  const { b } = ctx;
  const { y, finals } = recurrent(layer, 1, [ctx.optional(5)], (_, direction, step, state, to, lengths) => {
    const next = b.temp(OnnxType.FLOAT, [1, layer.batch, layer.hidden]);
    const [f] = direction.functions;
    const call = rnnStepCall({ ...direction.common, step, ...(f ? { functions: [f] as const } : {}) });
    const gates = hiddenGates(layer, state, direction.r, direction.rBias);
    b.emit(call, [direction.xGates, gates, state, lengths, to, next]);
    return next;
  });
  return outputs(layer, y, finals, 1);
};

const gru: Lowering = (ctx) => {
  const layer = layerOf(ctx, 3, ["Sigmoid", "Tanh"]);
  const { b } = ctx;
  const { batch, hidden } = layer;
  const resetsLater = ctx.int("linear_before_reset", 0) !== 0;
  const { y, finals } = recurrent(layer, 1, [ctx.optional(5)], (_, direction, step, state, to, lengths) => {
    const { common, xGates, r, rBias } = direction;
    const [f, g] = direction.functions;
    const settings = { ...common, step, ...(f && g ? { functions: [f, g] as const } : {}) };
    const next = b.temp(OnnxType.FLOAT, [1, batch, hidden]);
    if (resetsLater) {
      const gates = hiddenGates(layer, state, r, rBias);
      b.emit(gruStepCall({ ...settings, part: "whole" }), [xGates, gates, b.none(), state, lengths, to, next]);
      return next;
    }
    const [both, rest] = [
      takeView(b, r, sliced(r.dims, 0, 0, 2 * hidden)),
      takeView(b, r, sliced(r.dims, 0, 2 * hidden, hidden)),
    ];
    const bias = rBias && takeView(b, rBias, sliced(rBias.dims, 0, 0, 2 * hidden));
    const restBias = rBias && takeView(b, rBias, sliced(rBias.dims, 0, 2 * hidden, hidden));
    const gates = hiddenGates(layer, state, both, bias);
    const reset = b.temp(OnnxType.FLOAT, [1, batch, hidden]);
    b.emit(gruStepCall({ ...settings, part: "reset" }), [xGates, gates, b.none(), state, lengths, to, reset]);
    const candidate = hiddenGates(layer, reset, rest, restBias);
    b.emit(gruStepCall({ ...settings, part: "finish" }), [xGates, gates, candidate, state, lengths, to, next]);
    return next;
  });
  return outputs(layer, y, finals, 1);
};

export const recurrentOps: Readonly<Record<string, Lowering>> = { LSTM: lstm, GRU: gru, RNN: rnn };
