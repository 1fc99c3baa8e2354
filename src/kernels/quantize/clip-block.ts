// Room quantize/clip-block: the range of each block, clipped at a percentile.
import clipBlockWgsl from "../../../shaders/quantize/clip-block.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { rankOf } from "./clip-rule.ts";
import { elementsOf, groupCount, type BlockedGeometry, type CodeLayout } from "./geometry.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64 };

export const clipBlockSpec: KernelSpec = {
  id: "quantize/clip-block",
  params: [...shapeParamList, ["groups", "u32"], ["both_ends", "u32"], ["rank", "u32"], ["tail_rank", "u32"]],
  bindings: [
    { name: "source", access: "read" },
    { name: "scales", access: "read" },
    { name: "ranges", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: clipBlockWgsl }],
  tolerance: "exact",
};

/**
 * Ranges f32[groups * 2] (low, high), in layout order, for quantize/affine-scale.
 * `bothEnds` clips x at percentile and 100 - percentile, else |x| at percentile.
 */
export function clipBlockCall(
  geometry: BlockedGeometry,
  layout: CodeLayout,
  percentile: number,
  bothEnds: boolean,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const groups = groupCount(geometry);
  const { dim, blockSize } = geometry;
  return {
    kernel: clipBlockSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      ...shapeParams(geometry, layout),
      groups,
      both_ends: bothEnds ? 1 : 0,
      rank: rankOf(percentile, blockSize),
      tail_rank: rankOf(percentile, dim % blockSize || blockSize),
    },
    workgroups: Math.ceil(groups / wg),
    cost: { bytes: elementsOf(geometry) * 4 + groups * 12, ops: elementsOf(geometry) * (bothEnds ? 320 : 160) },
  };
}
