// Room quantize/nvfp4-decode: NVFP4 to f32.
import nvfp4DecodeWgsl from "../../../shaders/quantize/nvfp4-decode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

export const nvfp4DecodeSpec: KernelSpec = {
  id: "quantize/nvfp4-decode",
  params: [...shapeParamList, ["elements", "u32"]],
  bindings: [
    { name: "codes", access: "read" },
    { name: "global_scale", access: "read" },
    { name: "scales", access: "read" },
    { name: "decoded", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: nvfp4DecodeWgsl }],
  tolerance: "exact",
};

/** `codes` in the layout, `global_scale` one f32, `scales` E4M3 bytes [groups], `decoded` f32 [elements]. */
export function nvfp4DecodeCall(geometry: Geometry, layout: CodeLayout): KernelCall {
  const elements = elementsOf(geometry);
  return {
    kernel: nvfp4DecodeSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { ...shapeParams(geometry, layout), elements },
    workgroups: Math.ceil(elements / 64),
    cost: { bytes: elements * (4 + 4 / 8), ops: elements * 40 },
  };
}
