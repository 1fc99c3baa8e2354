// Room quantize/range-merge: folds the ranges of segments into fewer, one step of a tree.
import rangeMergeWgsl from "../../../shaders/quantize/range-merge.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 64 };

/** Ranges that one thread folds into one. */
export const mergeSpan = 64;

export const rangeMergeSpec: KernelSpec = {
  id: "quantize/range-merge",
  params: [
    ["groups", "u32"],
    ["count", "u32"],
    ["span", "u32"],
  ],
  bindings: [
    { name: "partials", access: "read" },
    { name: "ranges", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: rangeMergeWgsl }],
  tolerance: "exact",
};

/** Folds [groups, count] ranges into [groups, ceil(count / span)]; 8 bytes a range. */
export function rangeMergeCall(
  groups: number,
  count: number,
  span: number = mergeSpan,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const folded = Math.ceil(count / span);
  return {
    kernel: rangeMergeSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { groups, count, span },
    workgroups: Math.ceil((groups * folded) / wg),
    cost: { bytes: groups * (count + folded) * 8, ops: groups * count * 2 },
  };
}
