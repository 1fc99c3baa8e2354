// Room quantize/search-wide-sums: squared errors of a stage's candidates over long groups, as 64-bit sums.
import searchWideSumsWgsl from "../../../shaders/quantize/search-wide-sums.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type WideGeometry } from "./geometry.ts";
import { searchParamList, searchParams, searchStages, trialCounts, type SearchStage, type SearchTarget } from "./search-units.ts"; // prettier-ignore
import { segmentsOf, shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64 };

export const searchWideSumsSpec: KernelSpec = {
  id: "quantize/search-wide-sums",
  params: [
    ...shapeParamList,
    ["groups", "u32"],
    ["segments", "u32"],
    ["segment_length", "u32"],
    ...searchParamList,
    ["stage", "u32"],
    ["trials", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "scales", access: "read" },
    { name: "zero_points", access: "read" },
    { name: "state", access: "read" },
    { name: "sums", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: searchWideSumsWgsl }],
  tolerance: "exact",
};

/**
 * One pass over the weights for the candidates of a stage.
 * Buffers: state u32[groups * 6], sums u32[groups * 19]. `fine` replaces the grid's fine step.
 */
export function searchWideSumsCall(
  target: SearchTarget,
  geometry: WideGeometry,
  stage: Exclude<SearchStage, "open">,
  fine?: number,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const grid = searchParams(target, geometry);
  const { segments, length } = segmentsOf(geometry);
  const trials = (trialCounts[searchStages[stage]] ?? 0) + (stage === "coarse" || stage === "given" ? 1 : 0);
  return {
    kernel: searchWideSumsSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      ...shapeParams(geometry, "natural"),
      ...grid,
      fine: fine ?? grid["fine"] ?? 1,
      segments,
      segment_length: length,
      stage: searchStages[stage],
      trials,
    },
    workgroups: Math.ceil((geometry.channels * segments * trials) / wg),
    cost: { bytes: elementsOf(geometry) * 4, ops: elementsOf(geometry) * trials * 40 },
  };
}
