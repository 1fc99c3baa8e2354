// Room quantize/nvfp4-scale: E4M3 scales of NVFP4 blocks.
import nvfp4ScaleWgsl from "../../../shaders/quantize/nvfp4-scale.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type BlockedGeometry, type CodeLayout } from "./geometry.ts";
import { groupsOf, shapeParamList, shapeParams } from "./shape.ts";

export const nvfp4ScaleSpec: KernelSpec = {
  id: "quantize/nvfp4-scale",
  params: [...shapeParamList, ["groups", "u32"]],
  bindings: [
    { name: "source", access: "read" },
    { name: "global_scale", access: "read" },
    { name: "scales", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: nvfp4ScaleWgsl }],
  tolerance: "exact",
};

/** `source` f32 [elements], `global_scale` one f32, `scales` one byte per group, four a word. Blocked geometry only. */
export function nvfp4ScaleCall(geometry: BlockedGeometry, layout: CodeLayout): KernelCall {
  const shape = shapeParams(geometry, layout);
  const groups = groupsOf(shape);
  return {
    kernel: nvfp4ScaleSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { ...shape, groups },
    workgroups: Math.ceil(Math.ceil(groups / 4) / 64),
    cost: { bytes: elementsOf(geometry) * 4 + groups, ops: elementsOf(geometry) * 2 },
  };
}
