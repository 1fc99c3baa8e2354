// Room quantize/affine-decode: integer codes back to f32 in the natural order of the tensor.
import affineDecodeWgsl from "../../../shaders/quantize/affine-decode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { middleCode, type AffineRule } from "./affine-rule.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64 };
const elementsPerThread = 8;

export const affineDecodeSpec: KernelSpec = {
  id: "quantize/affine-decode",
  params: [
    ...shapeParamList,
    ["count", "u32"],
    ["run", "u32"],
    ["bits", "u32"],
    ["is_signed", "u32"],
    ["half_scales", "u32"],
    ["packed_zeros", "u32"],
    ["zero", "i32"],
  ],
  bindings: [
    { name: "codes", access: "read" },
    { name: "scales", access: "read" },
    { name: "zero_points", access: "read" },
    { name: "decoded", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: affineDecodeWgsl }],
  tolerance: "exact",
};

/**
 * Buffers: codes, packed in the layout; scales, one per group in the order of the layout, f32 or (with
 * rule.halfScales) packed f16; zero_points, packed as pack-zero-points writes them where the scheme is
 * asymmetric, else any 4 bytes; decoded, f32 of the geometry.
 * @throws UnsupportedError for tensors of 2^29 codes or more
 */
export function affineDecodeCall(
  geometry: Geometry,
  layout: CodeLayout,
  rule: Omit<AffineRule, "rounding">,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const shape = shapeParams(geometry, layout);
  const count = elementsOf(geometry);
  return {
    kernel: affineDecodeSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      ...shape,
      count,
      run: elementsPerThread,
      bits: rule.bits,
      is_signed: rule.signed ? 1 : 0,
      half_scales: rule.halfScales ? 1 : 0,
      packed_zeros: rule.scheme === "asymmetric" ? 1 : 0,
      zero: middleCode(rule),
    },
    workgroups: Math.ceil(count / (wg * elementsPerThread)),
    cost: { bytes: count * (4 + rule.bits / 8), ops: count * 30 },
  };
}
