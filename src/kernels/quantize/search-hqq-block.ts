// Room quantize/search-hqq-block: half-quadratic search of scale and zero point, one thread a block, in place.
import searchHqqBlockWgsl from "../../../shaders/quantize/search-hqq-block.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, groupCount, type BlockedGeometry, type CodeLayout } from "./geometry.ts";
import { hqqRounds } from "./hqq-rule.ts";
import { searchParamList, searchParams, type SearchTarget } from "./search-units.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64 };

export const searchHqqBlockSpec: KernelSpec = {
  id: "quantize/search-hqq-block",
  params: [
    ...shapeParamList,
    ["groups", "u32"],
    ["weighted", "u32"],
    ...searchParamList,
    ["zero_rounds", "u32"],
    ["scale_rounds", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "importance", access: "read" },
    { name: "powers", access: "read" },
    { name: "scales", access: "read_write" },
    { name: "zero_points", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: searchHqqBlockWgsl }],
  tolerance: "exact",
};

/**
 * Refines scales f32[groups] and, when asymmetric, zero points i32[groups], in layout order.
 * `powers` holds the words of hqqPowers(). Bind any buffer as `importance` when `weighted` is false.
 */
export function searchHqqBlockCall(
  target: SearchTarget,
  geometry: BlockedGeometry,
  layout: CodeLayout,
  weighted: boolean,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const groups = groupCount(geometry);
  const rounds = hqqRounds(target.asymmetric);
  return {
    kernel: searchHqqBlockSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      ...shapeParams(geometry, layout),
      ...searchParams(target, geometry),
      weighted: weighted ? 1 : 0,
      zero_rounds: rounds.zero,
      scale_rounds: rounds.scale,
    },
    workgroups: Math.ceil(groups / wg),
    cost: {
      bytes: elementsOf(geometry) * 4 + groups * 16,
      ops: elementsOf(geometry) * (rounds.zero + rounds.scale + 2) * 40,
    },
  };
}
