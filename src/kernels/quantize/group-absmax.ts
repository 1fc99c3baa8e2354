// Room quantize/group-absmax: the largest magnitude of each group or of each segment of it.
import groupAbsmaxWgsl from "../../../shaders/quantize/group-absmax.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { groupsOf, shapeParamList, shapeParams, type Segmentation } from "./shape.ts";

export const groupAbsmaxSpec: KernelSpec = {
  id: "quantize/group-absmax",
  params: [...shapeParamList, ["groups", "u32"], ["segments", "u32"], ["segment_length", "u32"]],
  bindings: [
    { name: "source", access: "read" },
    { name: "absmax", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: groupAbsmaxWgsl }],
  tolerance: "exact",
};

/**
 * Maxima of a tensor's groups. `source` f32 [elements of geometry]; `absmax` f32 [groups, segments].
 * Segments are folded by a second call with `partialsOf(groups, segments)` and one segment.
 */
export function groupAbsmaxCall(geometry: Geometry, layout: CodeLayout, cut: Segmentation): KernelCall {
  const shape = shapeParams(geometry, layout);
  const groups = groupsOf(shape);
  return {
    kernel: groupAbsmaxSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { ...shape, groups, segments: cut.segments, segment_length: cut.length },
    workgroups: Math.ceil((groups * cut.segments) / 64),
    cost: { bytes: (elementsOf(geometry) + groups * cut.segments) * 4, ops: elementsOf(geometry) * 2 },
  };
}
