// Room quantize/binary-decode: sign bits to f32.
import binaryDecodeWgsl from "../../../shaders/quantize/binary-decode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

export const binaryDecodeSpec: KernelSpec = {
  id: "quantize/binary-decode",
  params: [...shapeParamList, ["elements", "u32"]],
  bindings: [
    { name: "codes", access: "read" },
    { name: "scales", access: "read" },
    { name: "decoded", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: binaryDecodeWgsl }],
  tolerance: "exact",
};

/** `codes` in the layout, `scales` f32 [groups], `decoded` f32 [elements] in natural order. */
export function binaryDecodeCall(geometry: Geometry, layout: CodeLayout): KernelCall {
  const elements = elementsOf(geometry);
  return {
    kernel: binaryDecodeSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { ...shapeParams(geometry, layout), elements },
    workgroups: Math.ceil(elements / 64),
    cost: { bytes: elements * (4 + 1 / 8), ops: elements * 10 },
  };
}
