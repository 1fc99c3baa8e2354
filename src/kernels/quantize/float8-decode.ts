// Room quantize/float8-decode: 8-bit floats under a scale per group to f32.
import float8DecodeWgsl from "../../../shaders/quantize/float8-decode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { largestCode, type Microfloat } from "../../base/microfloat.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

export const float8DecodeSpec: KernelSpec = {
  id: "quantize/float8-decode",
  params: [
    ...shapeParamList,
    ["elements", "u32"],
    ["mantissa_bits", "u32"],
    ["min_exponent", "i32"],
    ["largest_code", "u32"],
    ["has_infinity", "u32"],
  ],
  bindings: [
    { name: "codes", access: "read" },
    { name: "scales", access: "read" },
    { name: "decoded", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: float8DecodeWgsl }],
  tolerance: "exact",
};

/** `codes` in the layout, `scales` f32 [groups], `decoded` f32 [elements] in natural order. */
export function float8DecodeCall(geometry: Geometry, layout: CodeLayout, element: Microfloat): KernelCall {
  const elements = elementsOf(geometry);
  return {
    kernel: float8DecodeSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: {
      ...shapeParams(geometry, layout),
      elements,
      mantissa_bits: element.mantissaBits,
      min_exponent: 1 - element.bias,
      largest_code: largestCode(element),
      has_infinity: element.specials === "ieee" ? 1 : 0,
    },
    workgroups: Math.ceil(elements / 64),
    cost: { bytes: elements * (4 + 8 / 8), ops: elements * 20 },
  };
}
