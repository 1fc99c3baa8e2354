// Room quantize/group-sum: fixed-point sums of magnitudes of each segment of each group, in any order the same.
import groupSumWgsl from "../../../shaders/quantize/group-sum.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { groupsOf, shapeParamList, shapeParams, type Segmentation } from "./shape.ts";

export const groupSumSpec: KernelSpec = {
  id: "quantize/group-sum",
  params: [...shapeParamList, ["groups", "u32"], ["segments", "u32"], ["segment_length", "u32"], ["above", "u32"]],
  bindings: [
    { name: "source", access: "read" },
    { name: "absmax", access: "read" },
    { name: "thresholds", access: "read" },
    { name: "sums", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: groupSumWgsl }],
  tolerance: "exact",
};

/**
 * Sums of |x|, or of those beyond their group's threshold. `source` f32 [elements], `absmax` and
 * `thresholds` f32 [groups] (bind `absmax` twice without `above`), `sums` 3 u32 [groups, segments].
 */
export function groupSumCall(geometry: Geometry, layout: CodeLayout, cut: Segmentation, above: boolean): KernelCall {
  const shape = shapeParams(geometry, layout);
  const groups = groupsOf(shape);
  return {
    kernel: groupSumSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { ...shape, groups, segments: cut.segments, segment_length: cut.length, above: above ? 1 : 0 },
    workgroups: Math.ceil((groups * cut.segments) / 64),
    cost: { bytes: (elementsOf(geometry) + groups * (2 + cut.segments * 3)) * 4, ops: elementsOf(geometry) * 8 },
  };
}
