// Room quantize/group-mean: the mean magnitude of each group, correctly rounded from its fixed-point sums.
import groupMeanWgsl from "../../../shaders/quantize/group-mean.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

export const groupMeanSpec: KernelSpec = {
  id: "quantize/group-mean",
  params: [
    ["groups", "u32"],
    ["segments", "u32"],
    ["factor", "f32"],
    ["half", "u32"],
  ],
  bindings: [
    { name: "absmax", access: "read" },
    { name: "sums", access: "read" },
    { name: "means", access: "read_write" },
    { name: "thresholds", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: groupMeanWgsl }],
  tolerance: "exact",
};

/**
 * Means from the sums of quantize/group-sum. `absmax` f32 [groups], `sums` 3 u32 [groups, segments],
 * `means` and `thresholds` (factor * mean) f32 [groups]. `half` keeps means that f16 can hold.
 */
export function groupMeanCall(groups: number, segments: number, factor: number, half: boolean): KernelCall {
  return {
    kernel: groupMeanSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { groups, segments, factor: Math.fround(factor), half: half ? 1 : 0 },
    workgroups: Math.ceil(groups / 64),
    cost: { bytes: groups * (3 + segments * 3) * 4, ops: groups * (200 + segments * 4) },
  };
}
