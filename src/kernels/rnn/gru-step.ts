// Room rnn/gru-step: one step of a GRU behind its products.
import gruStepWgsl from "../../../shaders/rnn/gru-step.wgsl";
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

const defaults = { wg: 64, reverse: 0, has_lengths: 0, mode: 2, function0: 4, function1: 5 };

/** Parts of a step, by the number that the shader knows them by. */
const modes = { reset: 0, finish: 1, whole: 2 } as const;

export const gruStepSpec: KernelSpec = {
  id: "rnn/gru-step",
  params: [...stepParamList, ["h_line", "u32"], ["a0", "f32"], ["a1", "f32"], ["b0", "f32"], ["b1", "f32"]],
  bindings: [
    { name: "x_gates", access: "read" },
    { name: "h_gates", access: "read" },
    { name: "candidate", access: "read" },
    { name: "state", access: "read" },
    { name: "lengths", access: "read" },
    { name: "y", access: "read_write" },
    { name: "next", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: gruStepWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface GruStep extends RecurrentStep {
  /** "whole" with linear_before_reset; without it "reset", the product of r * h, then "finish". */
  readonly part: keyof typeof modes;
  /** Floats from one entry's row of h_gates to the next; default 3 hidden for "whole", else 2 hidden. */
  readonly lineH?: number;
  /** ONNX's f and g; default sigmoid, tanh. */
  readonly functions?: readonly [GateFunction, GateFunction];
}

/**
 * Gates in ONNX's order z, r, h. Buffers, f32 but for lengths: x_gates, x W^T + Wb of all times, a row of 3 hidden
 * each; h_gates, h R^T + Rb of the last h, with the gates z and r, and h for "whole"; candidate, for "finish"
 * (r * h) Rh^T + Rbh [batch, hidden], else any 4 bytes; state, h [batch, hidden]; lengths, i32 [batch] or any 4 bytes;
 * y, not touched by "reset"; next, the new h, or r * h of "reset".
 * @throws UnsupportedError where a place would pass 32 bits
 */
export function gruStepCall(step: GruStep, overrides: Partial<Pick<typeof defaults, "wg">> = {}): KernelCall {
  const { part, functions = [sigmoidGate, tanhGate] as const, hidden } = step;
  const { wg } = { ...defaults, ...overrides };
  const settings = functionSettings(functions);
  const units = step.batch * hidden;
  return {
    kernel: gruStepSpec.id,
    variant: "portable",
    overrides: { wg, ...stepFlags(step), mode: modes[part], ...settings.overrides },
    params: {
      ...stepParams(step),
      h_line: step.lineH ?? (part === "whole" ? 3 : 2) * hidden,
      ...settings.params,
    },
    workgroups: Math.ceil(units / wg),
    cost: { bytes: 36 * units, ops: 45 * units },
  };
}
