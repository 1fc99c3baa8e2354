// Room quantize/search-fit-block: MSE search for short blocks of 2 and 4 bits without importance, where codes are read
// off at a few scales and each set of codes gets its least-squares scale. In place, one thread a block.
import quads32Wgsl from "../../../shaders/quantize/search-fit-block.wgsl?width32&quads";
import width16Wgsl from "../../../shaders/quantize/search-fit-block.wgsl?width16";
import width32Wgsl from "../../../shaders/quantize/search-fit-block.wgsl?width32";
import { InternalError } from "../../base/errors.ts";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, groupCount, type BlockedGeometry, type CodeLayout } from "./geometry.ts";
import type { SearchTarget } from "./search-units.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64 };

export const searchFitBlockSpec: KernelSpec = {
  id: "quantize/search-fit-block",
  params: [
    ...shapeParamList,
    ["groups", "u32"],
    ["asymmetric", "u32"],
    ["half_scales", "u32"],
    ["code_min", "i32"],
    ["code_max", "i32"],
    ["unit", "u32"],
    ["first", "u32"],
    ["step", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "scales", access: "read_write" },
    { name: "zero_points", access: "read_write" },
  ],
  overrides: defaults,
  // All run everywhere; a call takes the first that its shape allows.
  variants: [
    { name: "quads32", requires: [], wgsl: quads32Wgsl },
    { name: "width16", requires: [], wgsl: width16Wgsl },
    { name: "portable", requires: [], wgsl: width32Wgsl },
  ],
  tolerance: "exact",
};

/** Trials of the grid; the constant of the shader. */
export const fitTrials = 8;

/** Where trials read codes off, as 128 / (first + k * step) of the first scale. */
function gridOf({ bits, full }: SearchTarget): { readonly first: number; readonly step: number } {
  if (bits === 2) return { first: 116, step: 30 };
  return { first: full ? 112 : 120, step: 8 };
}

/** Whether the search serves these codes: more bits or longer blocks would leave its exact floats. */
export const fitsFitBlock = ({ bits }: SearchTarget, { blockSize }: BlockedGeometry): boolean =>
  bits <= 4 && blockSize <= 32;

/**
 * Refines scales f32[groups] and, when asymmetric, zero points i32[groups], in layout order.
 * @param variant "quads32" is for whole blocks of 32 one after another, "width16" for blocks of at most 16; where the
 *   shape does not allow it, the next one is taken
 * @throws InternalError for codes or blocks that fitsFitBlock refuses
 */
export function searchFitBlockCall(
  target: SearchTarget,
  geometry: BlockedGeometry,
  layout: CodeLayout,
  variant = "quads32",
  overrides: { readonly wg?: number } = {},
): KernelCall {
  const { bits, asymmetric, codeMin, codeMax, halfScale } = target;
  const { dim, inner, blockSize } = geometry;
  if (!fitsFitBlock(target, geometry)) {
    throw new InternalError("This search is not for quantize/search-fit-block.", { details: { bits, blockSize } });
  }
  const { wg } = { ...defaults, ...overrides };
  const groups = groupCount(geometry);
  const allowed = [
    ...(inner === 1 && blockSize === 32 && dim % 32 === 0 ? ["quads32"] : []),
    ...(blockSize <= 16 ? ["width16"] : []),
    "portable",
  ];
  const names = searchFitBlockSpec.variants.map(({ name }) => name);
  return {
    kernel: searchFitBlockSpec.id,
    variant: allowed.find((name) => names.indexOf(name) >= names.indexOf(variant)) ?? "portable",
    overrides: { wg },
    params: {
      ...shapeParams(geometry, layout),
      groups,
      asymmetric: asymmetric ? 1 : 0,
      half_scales: halfScale ? 1 : 0,
      code_min: codeMin,
      code_max: codeMax,
      // 32 products of a weight and a code stay below 2^24.
      unit: asymmetric ? 11 : 12,
      ...gridOf(target),
    },
    workgroups: Math.ceil(groups / wg),
    cost: { bytes: elementsOf(geometry) * 4 + groups * 16, ops: elementsOf(geometry) * (asymmetric ? 11 : 9) * 9 },
  };
}
