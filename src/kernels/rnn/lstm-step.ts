// Room rnn/lstm-step: one step of an LSTM behind its products.
import lstmStepWgsl from "../../../shaders/rnn/lstm-step.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import {
  functionSettings,
  sigmoidGate,
  stepFlags,
  stepParamList,
  stepParams,
  tanhGate,
  type GateFunction,
  type RecurrentStep,
} from "./gate-functions.ts";

const defaults = {
  wg: 64,
  reverse: 0,
  has_lengths: 0,
  has_peepholes: 0,
  input_forget: 0,
  function0: 4,
  function1: 5,
  function2: 5,
};

export const lstmStepSpec: KernelSpec = {
  id: "rnn/lstm-step",
  params: [...stepParamList, ["a0", "f32"], ["a1", "f32"], ["a2", "f32"], ["b0", "f32"], ["b1", "f32"], ["b2", "f32"]],
  bindings: [
    { name: "x_gates", access: "read" },
    { name: "h_gates", access: "read" },
    { name: "state", access: "read" },
    { name: "peepholes", access: "read" },
    { name: "lengths", access: "read" },
    { name: "y", access: "read_write" },
    { name: "next", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: lstmStepWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface LstmStep extends RecurrentStep {
  readonly peepholes?: boolean;
  /** The forget gate is one minus the input gate. */
  readonly inputForget?: boolean;
  /** ONNX's f, g and h; default sigmoid, tanh, tanh. */
  readonly functions?: readonly [GateFunction, GateFunction, GateFunction];
}

/**
 * Gates in ONNX's order i, o, f, c. Buffers, f32 but for lengths: x_gates, x W^T + Wb of all times, a row of
 * 4 hidden each; h_gates, h R^T + Rb [batch, 4 hidden] of the last h (its product may read `state`, which begins with
 * h); state, [2, batch, hidden], h and c; peepholes, [3 hidden] (i, o, f) or any 4 bytes; lengths, i32 [batch] or any
 * 4 bytes; y; next, as state.
 * @throws UnsupportedError where a place would pass 32 bits
 */
export function lstmStepCall(step: LstmStep, overrides: Partial<Pick<typeof defaults, "wg">> = {}): KernelCall {
  const { functions = [sigmoidGate, tanhGate, tanhGate] as const } = step;
  const { wg } = { ...defaults, ...overrides };
  const settings = functionSettings(functions);
  const units = step.batch * step.hidden;
  return {
    kernel: lstmStepSpec.id,
    variant: "portable",
    overrides: {
      wg,
      ...stepFlags(step),
      has_peepholes: step.peepholes ? 1 : 0,
      input_forget: step.inputForget ? 1 : 0,
      ...settings.overrides,
    },
    params: { ...stepParams(step), ...settings.params },
    workgroups: Math.ceil(units / wg),
    cost: { bytes: 52 * units, ops: 60 * units },
  };
}
