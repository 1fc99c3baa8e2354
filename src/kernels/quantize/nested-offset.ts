// Room quantize/nested-offset: the mean of absmax values, by integers, as double quantization's offset.
import nestedOffsetWgsl from "../../../shaders/quantize/nested-offset.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 64 };

export const nestedOffsetSpec: KernelSpec = {
  id: "quantize/nested-offset",
  params: [["count", "u32"]],
  bindings: [
    { name: "absmax", access: "read" },
    { name: "mean", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: nestedOffsetWgsl }],
  tolerance: "exact",
};

/** Mean of `count` absmax values (f32, not negative); buffers: 4 * count bytes, 4 bytes. */
export function nestedOffsetCall(count: number, overrides: Partial<typeof defaults> = {}): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  return {
    kernel: nestedOffsetSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { count },
    workgroups: 1,
    cost: { bytes: count * 8, ops: count * 10 },
  };
}
