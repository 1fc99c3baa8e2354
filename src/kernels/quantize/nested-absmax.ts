// Room quantize/nested-absmax: absmax values less their offset, to 8-bit codes of the dynamic map.
import nestedAbsmaxWgsl from "../../../shaders/quantize/nested-absmax.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 64 };

/** Index of 0 in the dynamic map: 127 negative entries come before it. */
export const zeroCode = 127;

export const nestedAbsmaxSpec: KernelSpec = {
  id: "quantize/nested-absmax",
  params: [
    ["count", "u32"],
    ["block_size", "u32"],
    ["zero_code", "u32"],
  ],
  bindings: [
    { name: "absmax", access: "read" },
    { name: "offset", access: "read" },
    { name: "midpoints", access: "read" },
    { name: "codes", access: "read_write" },
    { name: "nested", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: nestedAbsmaxWgsl }],
  tolerance: "exact",
};

/**
 * Codes of `count` absmax values. Buffers: absmax 4 * count bytes; offset 4; midpoints 255 f32; codes, `count`
 * bytes padded to 4; nested, one f32 per block.
 */
export function nestedAbsmaxCall(
  count: number,
  blockSize: number,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const blocks = Math.ceil(count / blockSize);
  return {
    kernel: nestedAbsmaxSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { count, block_size: blockSize, zero_code: zeroCode },
    workgroups: Math.ceil(blocks / wg),
    cost: { bytes: count * 5, ops: count * 200 },
  };
}
