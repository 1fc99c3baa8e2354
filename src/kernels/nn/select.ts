// Room nn/select: takes one of two broadcast tensors by a third.
import selectWgsl from "../../../shaders/nn/select.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { broadcastParams, broadcastStrides, mergeDims } from "./broadcast.ts";

const defaults = { wg: 64, each: 4 };

/** Most dims that are left after merging. */
export const selectRank = 6;

export const selectSpec: KernelSpec = {
  id: "nn/select",
  params: [
    ["count", "u32"],
    ...Array.from({ length: selectRank - 1 }, (_, i) => [`d${i + 1}`, "u32"] as const),
    ...["c", "a", "b"].flatMap((name) => Array.from({ length: selectRank }, (_, i) => [`${name}${i}`, "u32"] as const)),
  ],
  bindings: [
    { name: "condition", access: "read" },
    { name: "a", access: "read" },
    { name: "b", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: selectWgsl }],
  tolerance: "exact",
};

export interface SelectShape {
  readonly condition: readonly number[];
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** What all three broadcast to. */
  readonly y: readonly number[];
}

/**
 * Buffers: condition (0 or not), a, b and y; words, dense and row-major.
 * @throws UnsupportedError where more than six dims are left after merging
 */
export function selectCall({ condition, a, b, y }: SelectShape, overrides: Partial<typeof defaults> = {}): KernelCall {
  const { wg, each } = { ...defaults, ...overrides };
  const plan = mergeDims(y, [broadcastStrides(condition, y), broadcastStrides(a, y), broadcastStrides(b, y)]);
  const count = y.reduce((product, dim) => product * dim, 1);
  return {
    kernel: selectSpec.id,
    variant: "portable",
    overrides: { wg, each },
    params: { count, ...broadcastParams(plan, ["c", "a", "b"], selectRank) },
    workgroups: Math.ceil(count / (wg * each)),
    cost: { bytes: 16 * count, ops: 20 * count },
  };
}
