// Room quantize/affine-block: range, scale, zero point and codes of blocks in one pass.
import quadsWgsl from "../../../shaders/quantize/affine-block.wgsl?quads";
import portableWgsl from "../../../shaders/quantize/affine-block.wgsl";
import { InternalError } from "../../base/errors.ts";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { ruleParamList, ruleParams, type AffineRule, type Bits } from "./affine-rule.ts";
import { blocksPerRow, codeCount, elementsOf, groupCount, type CodeLayout, type Geometry } from "./geometry.ts";
import { shapeParams } from "./shape.ts";

const defaults = { wg: 64, bits: 4, scheme: 0, half_scales: 0 };

export const affineBlockSpec: KernelSpec = {
  id: "quantize/affine-block",
  params: [
    ["outer", "u32"],
    ["dim", "u32"],
    ["inner", "u32"],
    ["block", "u32"],
    ["blocks", "u32"],
    ["row_words", "u32"],
    ...ruleParamList,
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "codes", access: "read_write" },
    { name: "scales", access: "read_write" },
    { name: "zero_points", access: "read_write" },
  ],
  overrides: defaults,
  // Both run everywhere; a call takes "quads" where the shape allows it.
  variants: [
    { name: "quads", requires: [], wgsl: quadsWgsl },
    { name: "portable", requires: [], wgsl: portableWgsl },
  ],
  tolerance: "exact",
};

/**
 * Whether the fused kernel can serve a shape: blocks of a multiple of 16 up to 1024, and either the rows layout
 * or a natural one that coincides with it but for padding (inner = 1, rows of whole words).
 */
export function fitsAffineBlock(geometry: Geometry, layout: CodeLayout, bits: Bits): boolean {
  if (geometry.kind !== "blocked") return false;
  const { dim, inner, blockSize } = geometry;
  if (blockSize % 16 !== 0 || blockSize > 1024) return false;
  return layout === "rows" || (inner === 1 && (dim * bits) % 32 === 0);
}

/**
 * Encodes a tensor in blocks. Buffers: source, f32 of the geometry; codes, packedBytes(codeCount, bits); scales,
 * f32 and zero_points, i32, one per group.
 * @param variant "quads" reads vec4s where inner = 1 and rows are whole vec4s; else "portable" is taken
 * @throws InternalError for a shape that fitsAffineBlock refuses
 */
export function affineBlockCall(
  geometry: Geometry,
  layout: CodeLayout,
  rule: AffineRule,
  variant = "quads",
  overrides: Partial<Pick<typeof defaults, "wg">> = {},
): KernelCall {
  if (geometry.kind !== "blocked" || !fitsAffineBlock(geometry, layout, rule.bits)) {
    throw new InternalError("This shape is not for quantize/affine-block.", { details: { layout, bits: rule.bits } });
  }
  const { wg } = { ...defaults, ...overrides };
  const { outer, dim, inner, block, blocks } = shapeParams(geometry, layout);
  const rowCodes = layout === "rows" ? blocksPerRow(geometry) * geometry.blockSize : dim;
  const groups = groupCount(geometry);
  const count = elementsOf(geometry);
  const fixed = ruleParams(rule);
  const whole = inner === 1 && dim % 4 === 0;
  return {
    kernel: affineBlockSpec.id,
    variant: whole ? variant : "portable",
    overrides: { wg, bits: rule.bits, scheme: fixed["scheme"] ?? 0, half_scales: fixed["half_scales"] ?? 0 },
    params: { outer, dim, inner, block, blocks, row_words: (rowCodes * rule.bits) / 32, ...fixed },
    workgroups: Math.ceil(groups / wg),
    cost: { bytes: count * 4 + (codeCount(geometry, layout) * rule.bits) / 8 + groups * 8, ops: count * 20 },
  };
}
