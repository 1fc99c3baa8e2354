// Room quantize/ternary-decode: ternary codes to f32.
import ternaryDecodeWgsl from "../../../shaders/quantize/ternary-decode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

export const ternaryDecodeSpec: KernelSpec = {
  id: "quantize/ternary-decode",
  params: [...shapeParamList, ["elements", "u32"]],
  bindings: [
    { name: "codes", access: "read" },
    { name: "scales", access: "read" },
    { name: "decoded", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: ternaryDecodeWgsl }],
  tolerance: "exact",
};

/** `codes` in the layout, `scales` f32 [groups], `decoded` f32 [elements] in natural order. */
export function ternaryDecodeCall(geometry: Geometry, layout: CodeLayout): KernelCall {
  const elements = elementsOf(geometry);
  return {
    kernel: ternaryDecodeSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { ...shapeParams(geometry, layout), elements },
    workgroups: Math.ceil(elements / 64),
    cost: { bytes: elements * (4 + 2 / 8), ops: elements * 10 },
  };
}
