// Room cast/narrow-half: f32 to packed f16 or bf16, rounded to nearest even, with counts of what was lost.
import narrowHalfWgsl from "../../../shaders/cast/narrow-half.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import type { HalfType } from "./widen-half.ts";

const defaults = { wg: 64 };
const quadsPerThread = 4;

/** Word order of the counters that the kernel adds to; they must start at 0. */
export const narrowCounterWords = ["overflowed", "underflowed", "nonFinite"] as const;
export const narrowCounterBytes = narrowCounterWords.length * 4;

export const narrowHalfSpec: KernelSpec = {
  id: "cast/narrow-half",
  params: [
    ["count", "u32"],
    ["bfloat", "u32"],
    ["saturate", "u32"],
    ["quads_per_thread", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "narrowed", access: "read_write" },
    { name: "counters", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: narrowHalfWgsl }],
  tolerance: "exact",
};

/**
 * Narrows `count` f32. Buffers: source, 4 * count bytes; narrowed, 2 * count bytes padded to 4; counters,
 * narrowCounterBytes, zero before.
 * @param options.saturate finite values beyond the range become the largest finite half, not infinity
 */
export function narrowHalfCall(
  to: HalfType,
  count: number,
  options: { readonly saturate?: boolean } = {},
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  return {
    kernel: narrowHalfSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      count,
      bfloat: to === "bf16" ? 1 : 0,
      saturate: options.saturate ? 1 : 0,
      quads_per_thread: quadsPerThread,
    },
    workgroups: Math.ceil(count / (4 * wg * quadsPerThread)),
    cost: { bytes: count * 6, ops: count * 16 },
  };
}
