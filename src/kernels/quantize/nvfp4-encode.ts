// Room quantize/nvfp4-encode: E2M1 codes under E4M3 block scales and one global divisor.
import nvfp4EncodeWgsl from "../../../shaders/quantize/nvfp4-encode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { codesOf, packedBytes, shapeParamList, shapeParams } from "./shape.ts";

export const nvfp4EncodeSpec: KernelSpec = {
  id: "quantize/nvfp4-encode",
  params: [...shapeParamList, ["words", "u32"]],
  bindings: [
    { name: "source", access: "read" },
    { name: "global_scale", access: "read" },
    { name: "scales", access: "read" },
    { name: "codes", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: nvfp4EncodeWgsl }],
  tolerance: "exact",
};

/** `source` f32 [elements], `global_scale` one f32, `scales` E4M3 bytes [groups], `codes` 4 bits each. */
export function nvfp4EncodeCall(geometry: Geometry, layout: CodeLayout): KernelCall {
  const shape = shapeParams(geometry, layout);
  const words = packedBytes(codesOf(shape), 4) / 4;
  return {
    kernel: nvfp4EncodeSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { ...shape, words },
    workgroups: Math.ceil(Math.ceil(words / 4) / 64),
    cost: { bytes: elementsOf(geometry) * 4 + words * 4, ops: elementsOf(geometry) * 20 },
  };
}
