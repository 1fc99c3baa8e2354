// Room nn/fake-quant: elements as affine codes would give them back, under given scales and zero points.
import fakeQuantWgsl from "../../../shaders/nn/fake-quant.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { ruleParams, type WideRule } from "../quantize/affine-rule.ts";
import { elementsOf, type Geometry } from "../quantize/geometry.ts";
import { groupsOf, shapeParamList, shapeParams } from "../quantize/shape.ts";

const defaults = { wg: 64 };
const elementsPerThread = 8;

export const fakeQuantSpec: KernelSpec = {
  id: "nn/fake-quant",
  params: [
    ...shapeParamList,
    ["count", "u32"],
    ["run", "u32"],
    ["bits", "u32"],
    ["is_signed", "u32"],
    ["rounding", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "scales", access: "read" },
    { name: "zero_points", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: fakeQuantWgsl }],
  tolerance: "exact",
};

/**
 * Buffers: source and y, f32 of the geometry; scales, f32, and zero_points, i32, one per group in natural order.
 * @throws UnsupportedError for tensors of 2^29 elements or more
 */
export function fakeQuantCall(
  geometry: Geometry,
  rule: Pick<WideRule, "bits" | "signed" | "rounding">,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const shape = shapeParams(geometry, "natural");
  const count = elementsOf(geometry);
  const { is_signed = 0, rounding = 0 } = ruleParams({ ...rule, scheme: "symmetric", halfScales: false });
  return {
    kernel: fakeQuantSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { ...shape, count, run: elementsPerThread, bits: rule.bits, is_signed, rounding },
    workgroups: Math.ceil(count / (wg * elementsPerThread)),
    cost: { bytes: count * 8 + groupsOf(shape) * 8, ops: count * 30 },
  };
}
