// Room quantize/affine-block: range, scale, zero point and codes of blocks in one pass.
import heldWgsl from "../../../shaders/quantize/affine-block.wgsl?quads&held";
import quadsWgsl from "../../../shaders/quantize/affine-block.wgsl?quads";
import columnsWgsl from "../../../shaders/quantize/affine-block.wgsl?columns";
import portableWgsl from "../../../shaders/quantize/affine-block.wgsl";
import { InternalError } from "../../base/errors.ts";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { ruleParamList, ruleParams, type AffineRule, type Bits } from "./affine-rule.ts";
import { blocksPerRow, codeCount, elementsOf, groupCount, type CodeLayout, type Geometry } from "./geometry.ts";
import { shapeParams } from "./shape.ts";

/** Blocks of a thread: what they leave to be done exactly is done in one go, which is rare and slow to reach. */
const mostSpan = 4;

/** Longest block of the columns variant: four blocks then have a mark for each run of 16 in one word. */
const mostColumnBlock = 128;

const defaults = { wg: 64, bits: 4, scheme: 0, half_scales: 0, given: 0 };

export const affineBlockSpec: KernelSpec = {
  id: "quantize/affine-block",
  params: [
    ["outer", "u32"],
    ["dim", "u32"],
    ["inner", "u32"],
    ["block", "u32"],
    ["blocks", "u32"],
    ["row_words", "u32"],
    ["span", "u32"],
    ...ruleParamList,
    ["given", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "codes", access: "read_write" },
    { name: "scales", access: "read_write" },
    { name: "zero_points", access: "read_write" },
  ],
  overrides: defaults,
  // All run everywhere; a call takes the first that the shape allows.
  variants: [
    { name: "held", requires: [], wgsl: heldWgsl },
    { name: "quads", requires: [], wgsl: quadsWgsl },
    { name: "columns", requires: [], wgsl: columnsWgsl },
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
 * f32 and zero_points, i32, one per group; with `given` these are read, not written.
 * @param variant "held" is for whole blocks of 32 with inner = 1, "quads" for inner = 1 and rows of whole vec4s,
 *   "columns" for inner a multiple of 4 and blocks of at most 128; where the shape does not allow it, the next one is taken
 * @throws InternalError for a shape that fitsAffineBlock refuses
 */
export function affineBlockCall(
  geometry: Geometry,
  layout: CodeLayout,
  rule: AffineRule,
  variant = "held",
  options: { readonly given?: boolean; readonly wg?: number; readonly span?: number } = {},
): KernelCall {
  if (geometry.kind !== "blocked" || !fitsAffineBlock(geometry, layout, rule.bits)) {
    throw new InternalError("This shape is not for quantize/affine-block.", { details: { layout, bits: rule.bits } });
  }
  const { wg = defaults.wg } = options;
  const given = options.given ? 1 : 0;
  const { outer, dim, inner, block, blocks } = shapeParams(geometry, layout);
  const rowCodes = layout === "rows" ? blocksPerRow(geometry) * geometry.blockSize : dim;
  const groups = groupCount(geometry);
  const count = elementsOf(geometry);
  const fixed = ruleParams(rule);
  const allowed = [
    ...(inner === 1 && block === 32 && dim % 32 === 0 ? ["held"] : []),
    ...(inner === 1 && dim % 4 === 0 ? ["quads"] : []),
    ...(inner % 4 === 0 && block <= mostColumnBlock ? ["columns"] : []),
    "portable",
  ];
  const names = affineBlockSpec.variants.map(({ name }) => name);
  const chosen = allowed.find((name) => names.indexOf(name) >= names.indexOf(variant)) ?? "portable";
  const isColumns = chosen === "columns";
  const span = isColumns ? 1 : (options.span ?? Math.max(1, Math.min(mostSpan, Math.floor(512 / block))));
  return {
    kernel: affineBlockSpec.id,
    variant: chosen,
    overrides: { wg, bits: rule.bits, scheme: fixed["scheme"] ?? 0, half_scales: fixed["half_scales"] ?? 0, given },
    params: { outer, dim, inner, block, blocks, row_words: (rowCodes * rule.bits) / 32, span, ...fixed, given },
    workgroups: Math.ceil(groups / (isColumns ? 4 : 1) / (wg * span)),
    cost: { bytes: count * 4 + (codeCount(geometry, layout) * rule.bits) / 8 + groups * 8, ops: count * 20 },
  };
}
