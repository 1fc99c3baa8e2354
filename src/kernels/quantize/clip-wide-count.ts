// Room quantize/clip-wide-count: counts of one digit of a radix selection over long groups.
import clipWideCountWgsl from "../../../shaders/quantize/clip-wide-count.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type WideGeometry } from "./geometry.ts";
import { segmentsOf, shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64 };

export const clipWideCountSpec: KernelSpec = {
  id: "quantize/clip-wide-count",
  params: [
    ...shapeParamList,
    ["groups", "u32"],
    ["segments", "u32"],
    ["segment_length", "u32"],
    ["both_ends", "u32"],
    ["shift", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "state", access: "read" },
    { name: "counts", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: clipWideCountWgsl }],
  tolerance: "exact",
};

/** Buffers: state u32[groups * 4], counts u32[groups * 32]. `shift` as in clipShifts. */
export function clipWideCountCall(
  geometry: WideGeometry,
  bothEnds: boolean,
  shift: number,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const { segments, length } = segmentsOf(geometry);
  return {
    kernel: clipWideCountSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      ...shapeParams(geometry, "natural"),
      groups: geometry.channels,
      segments,
      segment_length: length,
      both_ends: bothEnds ? 1 : 0,
      shift,
    },
    workgroups: Math.ceil((geometry.channels * segments) / wg),
    cost: { bytes: elementsOf(geometry) * 4, ops: elementsOf(geometry) * 20 },
  };
}
