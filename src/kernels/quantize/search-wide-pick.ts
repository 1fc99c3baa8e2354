// Room quantize/search-wide-pick: closes a stage of the search over long groups, opens and ends it.
import searchWidePickWgsl from "../../../shaders/quantize/search-wide-pick.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import type { WideGeometry } from "./geometry.ts";
import { searchParamList, searchParams, searchStages, stateWords, sumWords, type SearchStage, type SearchTarget } from "./search-units.ts"; // prettier-ignore

const defaults = { wg: 64 };

export const searchWidePickSpec: KernelSpec = {
  id: "quantize/search-wide-pick",
  params: [["groups", "u32"], ["count", "u32"], ...searchParamList, ["stage", "u32"], ["last", "u32"]],
  bindings: [
    { name: "scales", access: "read_write" },
    { name: "zero_points", access: "read_write" },
    { name: "state", access: "read_write" },
    { name: "sums", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: searchWidePickWgsl }],
  tolerance: "exact",
};

/** `open` before the first stage; then once after each stage's sums, with `last` after the final one. */
export function searchWidePickCall(
  target: SearchTarget,
  geometry: WideGeometry,
  stage: SearchStage,
  options: { readonly fine?: number; readonly last?: boolean; readonly wg?: number } = {},
): KernelCall {
  const wg = options.wg ?? defaults.wg;
  const grid = searchParams(target, geometry);
  const groups = geometry.channels;
  return {
    kernel: searchWidePickSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      ...grid,
      fine: options.fine ?? grid["fine"] ?? 1,
      count: geometry.outer * geometry.inner,
      stage: searchStages[stage],
      last: options.last ? 1 : 0,
    },
    workgroups: Math.ceil(groups / wg),
    cost: { bytes: groups * (stateWords + sumWords) * 8, ops: groups * 200 },
  };
}
