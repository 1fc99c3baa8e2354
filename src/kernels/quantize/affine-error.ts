// Room quantize/affine-error: error records of affine codes against their source, with no decoded copy.
import columnsWgsl from "../../../shaders/quantize/affine-error.wgsl?columns";
import portableWgsl from "../../../shaders/quantize/affine-error.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { segmentsOf } from "../stats/segments.ts";
import { ruleParams, type AffineRule } from "./affine-rule.ts";
import { errorRecordBytes } from "./error-sums.ts";
import { elementsOf, isColumns8, type CodeLayout, type Geometry } from "./geometry.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64 };

export const affineErrorSpec: KernelSpec = {
  id: "quantize/affine-error",
  params: [
    ...shapeParamList,
    ["count", "u32"],
    ["segments", "u32"],
    ["quads_per_thread", "u32"],
    ["bits", "u32"],
    ["is_signed", "u32"],
    ["rounding", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "codes", access: "read" },
    { name: "scales", access: "read" },
    { name: "zero_points", access: "read" },
    { name: "records", access: "read_write" },
  ],
  overrides: defaults,
  // Both run everywhere; a call takes "columns" where the shape allows it.
  variants: [
    { name: "columns", requires: [], wgsl: columnsWgsl },
    { name: "portable", requires: [], wgsl: portableWgsl },
  ],
  tolerance: { relative: 1e-4, floor: 1e-6 },
};

/** Bytes of the records of a tensor. */
export const affineErrorBytes = (geometry: Geometry): number =>
  segmentsOf(elementsOf(geometry)).segments * errorRecordBytes;

/**
 * Buffers: source, f32 of the geometry; codes, packed in the layout; scales, f32 and zero_points, i32, one
 * per group in the order of the layout; records, affineErrorBytes.
 * @param variant "columns" is for 8-bit codes of channels that lie last, a multiple of 4 of them
 * @throws UnsupportedError for tensors of 2^29 codes or more
 */
export function affineErrorCall(
  geometry: Geometry,
  layout: CodeLayout,
  rule: Pick<AffineRule, "bits" | "signed" | "rounding">,
  overrides: Partial<typeof defaults> = {},
  variant = "columns",
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const shape = shapeParams(geometry, layout);
  const count = elementsOf(geometry);
  const { segments, quadsPerThread } = segmentsOf(count);
  const { is_signed = 0, rounding = 0 } = ruleParams({ ...rule, scheme: "symmetric", halfScales: false });
  return {
    kernel: affineErrorSpec.id,
    variant: isColumns8(geometry, rule.bits, 4) ? variant : "portable",
    overrides: { wg },
    params: { ...shape, count, segments, quads_per_thread: quadsPerThread, bits: rule.bits, is_signed, rounding },
    workgroups: Math.ceil(segments / wg),
    cost: { bytes: count * (4 + rule.bits / 8), ops: count * 70 },
  };
}
