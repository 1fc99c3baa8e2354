// Room quantize/nested-decode: 8-bit codes of absmax values back to f32.
import nestedDecodeWgsl from "../../../shaders/quantize/nested-decode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 64 };

export const nestedDecodeSpec: KernelSpec = {
  id: "quantize/nested-decode",
  params: [
    ["count", "u32"],
    ["block_size", "u32"],
    ["opaque_zero", "u32"],
  ],
  bindings: [
    { name: "codes", access: "read" },
    { name: "nested", access: "read" },
    { name: "code_map", access: "read" },
    { name: "offset", access: "read" },
    { name: "absmax", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: nestedDecodeWgsl }],
  tolerance: "exact",
};

/**
 * Decodes `count` absmax values. Buffers: codes, `count` bytes padded to 4; nested, one f32 per block;
 * code_map 256 f32; offset 4 bytes; absmax 4 * count bytes.
 */
export function nestedDecodeCall(
  count: number,
  blockSize: number,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  return {
    kernel: nestedDecodeSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { count, block_size: blockSize, opaque_zero: 0 },
    workgroups: Math.ceil(Math.ceil(count / 4) / wg),
    cost: { bytes: count * 5, ops: count * 8 },
  };
}
