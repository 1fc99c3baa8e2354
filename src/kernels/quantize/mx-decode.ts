// Room quantize/mx-decode: microscaling elements to f32.
import mxDecodeWgsl from "../../../shaders/quantize/mx-decode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { largestCode, microfloatBits, type Microfloat } from "../../base/microfloat.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

export const mxDecodeSpec: KernelSpec = {
  id: "quantize/mx-decode",
  params: [
    ...shapeParamList,
    ["elements", "u32"],
    ["bits", "u32"],
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
  variants: [{ name: "portable", requires: [], wgsl: mxDecodeWgsl }],
  tolerance: "exact",
};

/** `codes` in the layout, `scales` E8M0 bytes [groups], `decoded` f32 [elements] in natural order. */
export function mxDecodeCall(geometry: Geometry, layout: CodeLayout, element: Microfloat): KernelCall {
  const elements = elementsOf(geometry);
  const bits = microfloatBits(element);
  return {
    kernel: mxDecodeSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: {
      ...shapeParams(geometry, layout),
      elements,
      bits,
      mantissa_bits: element.mantissaBits,
      min_exponent: 1 - element.bias,
      largest_code: largestCode(element),
      has_infinity: element.specials === "ieee" ? 1 : 0,
    },
    workgroups: Math.ceil(elements / 64),
    cost: { bytes: elements * (4 + bits / 8), ops: elements * 20 },
  };
}
