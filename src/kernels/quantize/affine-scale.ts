// Room quantize/affine-scale: scale and zero point of each group from its range.
import affineScaleWgsl from "../../../shaders/quantize/affine-scale.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { ruleParamList, ruleParams, type WideRule } from "./affine-rule.ts";

const defaults = { wg: 64 };

export const affineScaleSpec: KernelSpec = {
  id: "quantize/affine-scale",
  params: [["groups", "u32"], ...ruleParamList],
  bindings: [
    { name: "ranges", access: "read" },
    { name: "scales", access: "read_write" },
    { name: "zero_points", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: affineScaleWgsl }],
  tolerance: "exact",
};

/** Buffers: ranges, 8 bytes a group; scales, f32 (of f16 values with rule.halfScales); zero_points, i32. */
export function affineScaleCall(groups: number, rule: WideRule, overrides: Partial<typeof defaults> = {}): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  return {
    kernel: affineScaleSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { groups, ...ruleParams(rule) },
    workgroups: Math.ceil(groups / wg),
    cost: { bytes: groups * 16, ops: groups * 120 },
  };
}
