// Room rnn/rnn-step: one step of a simple recurrent layer behind its products.
import rnnStepWgsl from "../../../shaders/rnn/rnn-step.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import {
  functionSettings,
  stepFlags,
  stepParamList,
  stepParams,
  tanhGate,
  type GateFunction,
  type RecurrentStep,
} from "./gate-functions.ts";

const defaults = { wg: 64, reverse: 0, has_lengths: 0, function0: 5 };

export const rnnStepSpec: KernelSpec = {
  id: "rnn/rnn-step",
  params: [...stepParamList, ["a0", "f32"], ["b0", "f32"]],
  bindings: [
    { name: "x_gates", access: "read" },
    { name: "h_gates", access: "read" },
    { name: "state", access: "read" },
    { name: "lengths", access: "read" },
    { name: "y", access: "read_write" },
    { name: "next", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: rnnStepWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface RnnStep extends RecurrentStep {
  /** ONNX's f; default tanh. */
  readonly functions?: readonly [GateFunction];
}

/**
 * Buffers, f32 but for lengths: x_gates, x W^T + Wb of all times, a row of `hidden` each; h_gates, h R^T + Rb
 * [batch, hidden] of the last h; state, h [batch, hidden]; lengths, i32 [batch] or any 4 bytes; y; next, the new h.
 * @throws UnsupportedError where a place would pass 32 bits
 */
export function rnnStepCall(step: RnnStep, overrides: Partial<Pick<typeof defaults, "wg">> = {}): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const settings = functionSettings(step.functions ?? [tanhGate]);
  const units = step.batch * step.hidden;
  return {
    kernel: rnnStepSpec.id,
    variant: "portable",
    overrides: { wg, ...stepFlags(step), ...settings.overrides },
    params: { ...stepParams(step), ...settings.params },
    workgroups: Math.ceil(units / wg),
    cost: { bytes: 20 * units, ops: 20 * units },
  };
}
