// Room quantize/clip-wide-pick: the digit that holds the wanted rank of long groups, and in the end their range.
import clipWidePickWgsl from "../../../shaders/quantize/clip-wide-pick.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { clipCountWords, rankOf } from "./clip-rule.ts";
import type { WideGeometry } from "./geometry.ts";

const defaults = { wg: 64 };

export const clipWidePickSpec: KernelSpec = {
  id: "quantize/clip-wide-pick",
  params: [
    ["groups", "u32"],
    ["count", "u32"],
    ["rank", "u32"],
    ["both_ends", "u32"],
    ["shift", "u32"],
  ],
  bindings: [
    { name: "scales", access: "read" },
    { name: "state", access: "read_write" },
    { name: "counts", access: "read_write" },
    { name: "ranges", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: clipWidePickWgsl }],
  tolerance: "exact",
};

/** Shift 32 first, then after each count the same shift as that; 0 writes ranges f32[groups * 2]. */
export function clipWidePickCall(
  geometry: WideGeometry,
  percentile: number,
  bothEnds: boolean,
  shift: number,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const count = geometry.outer * geometry.inner;
  return {
    kernel: clipWidePickSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      groups: geometry.channels,
      count,
      rank: rankOf(percentile, count),
      both_ends: bothEnds ? 1 : 0,
      shift,
    },
    workgroups: Math.ceil(geometry.channels / wg),
    cost: { bytes: geometry.channels * clipCountWords * 8, ops: geometry.channels * 2000 },
  };
}
