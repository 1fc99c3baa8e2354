// Room quantize/mx-encode: microscaling elements under E8M0 scales.
import mxEncodeWgsl from "../../../shaders/quantize/mx-encode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { largestCode, microfloatBits, type Microfloat } from "../../base/microfloat.ts";
import { codesOf, packedBytes, shapeParamList, shapeParams } from "./shape.ts";

export const mxEncodeSpec: KernelSpec = {
  id: "quantize/mx-encode",
  params: [
    ...shapeParamList,
    ["words", "u32"],
    ["bits", "u32"],
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
  variants: [{ name: "portable", requires: [], wgsl: mxEncodeWgsl }],
  tolerance: "exact",
};

/** `source` f32 [elements], `scales` E8M0 bytes [groups], `codes` packed 4, 6 or 8 bits each. */
export function mxEncodeCall(geometry: Geometry, layout: CodeLayout, element: Microfloat): KernelCall {
  const shape = shapeParams(geometry, layout);
  const bits = microfloatBits(element);
  const words = packedBytes(codesOf(shape), bits) / 4;
  return {
    kernel: mxEncodeSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: {
      ...shape,
      words,
      bits,
      mantissa_bits: element.mantissaBits,
      min_exponent: 1 - element.bias,
      largest_code: largestCode(element),
    },
    workgroups: Math.ceil(Math.ceil(words / bits) / 64),
    cost: { bytes: elementsOf(geometry) * 4 + words * 4, ops: elementsOf(geometry) * 20 },
  };
}
