// Room quantize/hqq-wide-sums: sums of one half-quadratic round over long groups.
import hqqWideSumsWgsl from "../../../shaders/quantize/hqq-wide-sums.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, type WideGeometry } from "./geometry.ts";
import { searchParamList, searchParams, type SearchTarget } from "./search-units.ts";
import { segmentsOf, shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64 };

export const hqqWideSumsSpec: KernelSpec = {
  id: "quantize/hqq-wide-sums",
  params: [
    ...shapeParamList,
    ["groups", "u32"],
    ["segments", "u32"],
    ["segment_length", "u32"],
    ...searchParamList,
    ["round", "u32"],
    ["moves_zero", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "scales", access: "read" },
    { name: "powers", access: "read" },
    { name: "state", access: "read" },
    { name: "sums", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: hqqWideSumsWgsl }],
  tolerance: "exact",
};

/** Buffers: powers, the words of hqqPowers(); state u32[groups * 6]; sums u32[groups * 19]. */
export function hqqWideSumsCall(
  target: SearchTarget,
  geometry: WideGeometry,
  round: number,
  movesZero: boolean,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const { segments, length } = segmentsOf(geometry);
  return {
    kernel: hqqWideSumsSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      ...shapeParams(geometry, "natural"),
      ...searchParams(target, geometry),
      segments,
      segment_length: length,
      round,
      moves_zero: movesZero ? 1 : 0,
    },
    workgroups: Math.ceil((geometry.channels * segments) / wg),
    cost: { bytes: elementsOf(geometry) * 4, ops: elementsOf(geometry) * 40 },
  };
}
