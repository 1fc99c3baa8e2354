// Room quantize/float8-encode: 8-bit floats under an f32 scale per group.
import float8EncodeWgsl from "../../../shaders/quantize/float8-encode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { largestCode, type Microfloat } from "../../base/microfloat.ts";
import { codesOf, packedBytes, shapeParamList, shapeParams } from "./shape.ts";

export const float8EncodeSpec: KernelSpec = {
  id: "quantize/float8-encode",
  params: [
    ...shapeParamList,
    ["words", "u32"],
    ["mantissa_bits", "u32"],
    ["min_exponent", "i32"],
    ["largest_code", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "scales", access: "read" },
    { name: "codes", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: float8EncodeWgsl }],
  tolerance: "exact",
};

/** `source` f32 [elements], `scales` f32 [groups], `codes` one byte each. Elements: e4m3fn, e5m2. */
export function float8EncodeCall(geometry: Geometry, layout: CodeLayout, element: Microfloat): KernelCall {
  const shape = shapeParams(geometry, layout);
  const words = packedBytes(codesOf(shape), 8) / 4;
  return {
    kernel: float8EncodeSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: {
      ...shape,
      words,
      mantissa_bits: element.mantissaBits,
      min_exponent: 1 - element.bias,
      largest_code: largestCode(element),
    },
    workgroups: Math.ceil(Math.ceil(words / 8) / 64),
    cost: { bytes: elementsOf(geometry) * 4 + words * 4, ops: elementsOf(geometry) * 20 },
  };
}
