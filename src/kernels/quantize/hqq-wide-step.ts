// Room quantize/hqq-wide-step: takes a half-quadratic step for long groups, begins and ends the search.
import hqqWideStepWgsl from "../../../shaders/quantize/hqq-wide-step.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import type { WideGeometry } from "./geometry.ts";
import { searchParamList, searchParams, type SearchTarget } from "./search-units.ts";

const defaults = { wg: 64 };

export const hqqWideStepSpec: KernelSpec = {
  id: "quantize/hqq-wide-step",
  params: [["groups", "u32"], ...searchParamList, ["action", "u32"]],
  bindings: [
    { name: "scales", access: "read" },
    { name: "zero_points", access: "read" },
    { name: "state", access: "read_write" },
    { name: "sums", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: hqqWideStepWgsl }],
  tolerance: "exact",
};

/** What a step does; numbers of the shader's `action`. */
export const hqqActions = { begin: 0, zero: 1, scale: 2, round: 3, end: 4 } as const;

export function hqqWideStepCall(
  target: SearchTarget,
  geometry: WideGeometry,
  action: keyof typeof hqqActions,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  return {
    kernel: hqqWideStepSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { ...searchParams(target, geometry), action: hqqActions[action] },
    workgroups: Math.ceil(geometry.channels / wg),
    cost: { bytes: geometry.channels * 40, ops: geometry.channels * 80 },
  };
}
