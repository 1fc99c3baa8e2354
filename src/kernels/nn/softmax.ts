// Room nn/softmax: softmax, log-softmax and hardmax along one axis.
import softmaxWgsl from "../../../shaders/nn/softmax.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements, splitFor, type AxisShape } from "./rows.ts";

const defaults = { wg: 64, split: 1, op: 0 };

/** By the number that the shader knows them by. */
export const softmaxOps = ["softmax", "logSoftmax", "hardmax"] as const;

export type SoftmaxOp = (typeof softmaxOps)[number];

export const softmaxSpec: KernelSpec = {
  id: "nn/softmax",
  params: [
    ["outer", "u32"],
    ["axis", "u32"],
    ["inner", "u32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: softmaxWgsl }],
  tolerance: { relative: 2e-5, floor: 0.1 },
};

/**
 * Buffers: x and y, f32 [outer, axis, inner].
 * @throws UnsupportedError for 2^31 elements or more
 */
export function softmaxCall(
  shape: AxisShape,
  operation: SoftmaxOp = "softmax",
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { outer, axis, inner } = shape;
  checkElements(outer * axis * inner, "A softmax");
  const { wg, split } = { wg: 64, split: splitFor(outer * inner, axis), ...overrides };
  return {
    kernel: softmaxSpec.id,
    variant: "portable",
    overrides: { wg, split, op: softmaxOps.indexOf(operation) },
    params: { outer, axis, inner },
    workgroups: Math.ceil((outer * inner * split) / wg),
    cost: { bytes: 8 * outer * axis * inner, ops: 20 * outer * axis * inner },
  };
}
