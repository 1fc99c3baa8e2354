// Room quantize/ternary-encode: codes 0, 1, 2 by a threshold per group.
import ternaryEncodeWgsl from "../../../shaders/quantize/ternary-encode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";
import { codesOf, packedBytes, shapeParamList, shapeParams } from "./shape.ts";

export const ternaryEncodeSpec: KernelSpec = {
  id: "quantize/ternary-encode",
  params: [...shapeParamList, ["words", "u32"]],
  bindings: [
    { name: "source", access: "read" },
    { name: "thresholds", access: "read" },
    { name: "codes", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: ternaryEncodeWgsl }],
  tolerance: "exact",
};

/** `source` f32 [elements], `thresholds` f32 [groups], `codes` packed two bits each in the layout. */
export function ternaryEncodeCall(geometry: Geometry, layout: CodeLayout): KernelCall {
  const shape = shapeParams(geometry, layout);
  const words = packedBytes(codesOf(shape), 2) / 4;
  return {
    kernel: ternaryEncodeSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { ...shape, words },
    workgroups: Math.ceil(Math.ceil(words / 2) / 64),
    cost: { bytes: elementsOf(geometry) * 4 + words * 4, ops: elementsOf(geometry) * 8 },
  };
}
