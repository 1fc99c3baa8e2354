// Room cast/widen-half: packed f16 or bf16 to f32, exact.
import widenHalfWgsl from "../../../shaders/cast/widen-half.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

/** Number of a half type in params: 0 for f16, 1 for bf16. */
export type HalfType = "f16" | "bf16";

const defaults = { wg: 64 };
const quadsPerThread = 4;

export const widenHalfSpec: KernelSpec = {
  id: "cast/widen-half",
  params: [
    ["count", "u32"],
    ["bfloat", "u32"],
    ["quads_per_thread", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "target_bits", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: widenHalfWgsl }],
  tolerance: "exact",
};

/**
 * Widens `count` halves. Buffers: source, 2 * count bytes padded to 4; target, f32, 4 * count bytes.
 */
export function widenHalfCall(from: HalfType, count: number, overrides: Partial<typeof defaults> = {}): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  return {
    kernel: widenHalfSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { count, bfloat: from === "bf16" ? 1 : 0, quads_per_thread: quadsPerThread },
    workgroups: Math.ceil(count / (4 * wg * quadsPerThread)),
    cost: { bytes: count * 6, ops: count * 8 },
  };
}
