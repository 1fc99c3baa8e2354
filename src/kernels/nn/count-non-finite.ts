// Room nn/count-non-finite: how many elements of a tensor are NaN or infinite, and where the first is.
import countNonFiniteWgsl from "../../../shaders/nn/count-non-finite.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements } from "./rows.ts";

const defaults = { wg: 64 };

export const countNonFiniteSpec: KernelSpec = {
  id: "nn/count-non-finite",
  params: [
    ["count", "u32"],
    ["lanes", "u32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "found", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: countNonFiniteWgsl }],
  tolerance: "exact",
};

/** What one lane finds, in its three words; the first index is 2^32 - 1 where there is none. */
export const wordsPerLane = 3;

/** Lanes for so many elements: few enough to read back, enough to keep a device busy. */
export const lanesFor = (count: number): number => Math.max(1, Math.min(256, Math.ceil(count / 256)));

/**
 * Buffers: x, f32; found, three u32 for each of lanesFor(count) lanes.
 * @throws UnsupportedError for 2^31 elements or more
 */
export function countNonFiniteCall(count: number, overrides: Partial<typeof defaults> = {}): KernelCall {
  checkElements(count, "A search for NaN");
  const { wg } = { ...defaults, ...overrides };
  const lanes = lanesFor(count);
  return {
    kernel: countNonFiniteSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { count, lanes },
    workgroups: Math.ceil(lanes / wg),
    cost: { bytes: count * 4 + lanes * 12, ops: count * 6 },
  };
}
