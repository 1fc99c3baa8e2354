// Room quantize/absmax-scale: scales from group maxima, an exact quotient.
import absmaxScaleWgsl from "../../../shaders/quantize/absmax-scale.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

export const absmaxScaleSpec: KernelSpec = {
  id: "quantize/absmax-scale",
  params: [
    ["groups", "u32"],
    ["range", "f32"],
    ["inverse", "u32"],
    ["half", "u32"],
  ],
  bindings: [
    { name: "absmax", access: "read" },
    { name: "scales", access: "read_write" },
  ],
  overrides: { wg: 64 },
  variants: [{ name: "portable", requires: [], wgsl: absmaxScaleWgsl }],
  tolerance: "exact",
};

/**
 * `scales` = `absmax` / range, both f32 [groups]; `half` keeps scales that f16 can hold. With `inverse`
 * range / absmax, the global divisor of NVFP4.
 */
export function absmaxScaleCall(
  groups: number,
  range: number,
  { half = false, inverse = false }: { readonly half?: boolean; readonly inverse?: boolean } = {},
): KernelCall {
  return {
    kernel: absmaxScaleSpec.id,
    variant: "portable",
    overrides: { wg: 64 },
    params: { groups, range, inverse: inverse ? 1 : 0, half: half ? 1 : 0 },
    workgroups: Math.ceil(groups / 64),
    cost: { bytes: groups * 8, ops: groups * 30 },
  };
}
