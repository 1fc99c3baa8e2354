// Room quantize/binary-encode: one sign bit per element.
import binaryEncodeWgsl from "../../../shaders/quantize/binary-encode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { codesOf, packedBytes, shapeParamList, shapeParams } from "./shape.ts";

export const binaryEncodeSpec: KernelSpec = {
  id: "quantize/binary-encode",
  params: [...shapeParamList, ["words", "u32"]],
  bindings: [
    { name: "source", access: "read" },
    { name: "codes", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: binaryEncodeWgsl }],
  tolerance: "exact",
};

/** `source` f32 [elements], `codes` one bit each in the layout, first code lowest. */
export function binaryEncodeCall(geometry: Geometry, layout: CodeLayout): KernelCall {
  const shape = shapeParams(geometry, layout);
  const words = packedBytes(codesOf(shape), 1) / 4;
  return {
    kernel: binaryEncodeSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { ...shape, words },
    workgroups: Math.ceil(words / 64),
    cost: { bytes: elementsOf(geometry) * 4 + words * 4, ops: elementsOf(geometry) * 6 },
  };
}
