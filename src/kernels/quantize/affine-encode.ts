// Room quantize/affine-encode: integer codes of any geometry and layout under given scales and zero points.
import columnsWgsl from "../../../shaders/quantize/affine-encode.wgsl?columns";
import portableWgsl from "../../../shaders/quantize/affine-encode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { ruleParams, type AffineRule } from "./affine-rule.ts";
import { elementsOf, isColumns8, type CodeLayout, type Geometry } from "./geometry.ts";
import { codesOf, groupsOf, shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64 };
const wordsPerThread = 4;
/** Rows of a thread of the variant for columns: a bit each. */
const rowsPerThread = 32;

export const affineEncodeSpec: KernelSpec = {
  id: "quantize/affine-encode",
  params: [
    ...shapeParamList,
    ["count", "u32"],
    ["words", "u32"],
    ["bits", "u32"],
    ["is_signed", "u32"],
    ["rounding", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "scales", access: "read" },
    { name: "zero_points", access: "read" },
    { name: "codes", access: "read_write" },
  ],
  overrides: defaults,
  // Both run everywhere; a call takes "columns" where the shape allows it.
  variants: [
    { name: "columns", requires: [], wgsl: columnsWgsl },
    { name: "portable", requires: [], wgsl: portableWgsl },
  ],
  tolerance: "exact",
};

/**
 * Buffers: source, f32 of the geometry; scales, f32 and zero_points, i32, one per group in the order of the
 * layout; codes, packedBytes(codeCount, bits).
 * @param variant "columns" is for 8-bit codes of channels that lie last, a multiple of 16 of them
 * @throws UnsupportedError for tensors of 2^29 codes or more
 */
export function affineEncodeCall(
  geometry: Geometry,
  layout: CodeLayout,
  rule: Pick<AffineRule, "bits" | "signed" | "rounding">,
  overrides: Partial<typeof defaults> = {},
  variant = "columns",
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const shape = shapeParams(geometry, layout);
  const count = codesOf(shape);
  const { is_signed = 0, rounding = 0 } = ruleParams({ ...rule, scheme: "symmetric", halfScales: false });
  const words = Math.ceil((count * rule.bits) / 32);
  const columns = variant === "columns" && isColumns8(geometry, rule.bits, 16);
  const perThread = columns ? rowsPerThread : wordsPerThread;
  const threads = columns ? Math.ceil(shape.outer / perThread) * (shape.dim / 16) : Math.ceil(words / perThread);
  return {
    kernel: affineEncodeSpec.id,
    variant: columns ? "columns" : "portable",
    overrides: { wg },
    params: { ...shape, count, words: perThread, bits: rule.bits, is_signed, rounding },
    workgroups: Math.ceil(threads / wg),
    cost: { bytes: elementsOf(geometry) * 4 + words * 4 + groupsOf(shape) * 8, ops: count * 40 },
  };
}
