// Room quantize/mx-scale: E8M0 scales of microscaling blocks.
import mxScaleWgsl from "../../../shaders/quantize/mx-scale.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { largestValue, type Microfloat } from "../../base/microfloat.ts";
import { elementsOf, type BlockedGeometry, type CodeLayout } from "./geometry.ts";
import { groupsOf, shapeParamList, shapeParams } from "./shape.ts";

export const mxScaleSpec: KernelSpec = {
  id: "quantize/mx-scale",
  params: [...shapeParamList, ["groups", "u32"], ["element_exponent", "i32"], ["round_up_from", "u32"]],
  bindings: [
    { name: "source", access: "read" },
    { name: "scales", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: mxScaleWgsl }],
  tolerance: "exact",
};

export type MxScaleRule = "floor" | "rceil" | "even";

/** Fraction bits of absmax from which its exponent is raised by one. */
function roundUpFrom(element: Microfloat, rule: MxScaleRule): number {
  if (rule === "floor") return 2 ** 23;
  if (rule === "even") return 0.75 * 2 ** 23;
  const largest = largestValue(element);
  return (largest / 2 ** Math.floor(Math.log2(largest)) - 1) * 2 ** 23 + 1;
}

/** `source` f32 [elements], `scales` one byte per group, four a word. Blocked geometry only. */
export function mxScaleCall(
  geometry: BlockedGeometry,
  layout: CodeLayout,
  element: Microfloat,
  rule: MxScaleRule,
): KernelCall {
  const shape = shapeParams(geometry, layout);
  const groups = groupsOf(shape);
  const elementExponent = Math.floor(Math.log2(largestValue(element)));
  return {
    kernel: mxScaleSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { ...shape, groups, element_exponent: elementExponent, round_up_from: roundUpFrom(element, rule) },
    workgroups: Math.ceil(Math.ceil(groups / 4) / 64),
    cost: { bytes: elementsOf(geometry) * 4 + groups, ops: elementsOf(geometry) * 2 },
  };
}
