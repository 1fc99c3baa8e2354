// Room quantize/search-mse-block: MSE grid search over scale and zero point, one thread a block, in place.
import whole16Wgsl from "../../../shaders/quantize/search-mse-block.wgsl?width16&whole";
import whole32Wgsl from "../../../shaders/quantize/search-mse-block.wgsl?width32&whole";
import width32Wgsl from "../../../shaders/quantize/search-mse-block.wgsl?width32";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, groupCount, type BlockedGeometry, type CodeLayout } from "./geometry.ts";
import { searchParamList, searchParams, type SearchTarget } from "./search-units.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64, weighted: 0, drop: 0 };

export const searchMseBlockSpec: KernelSpec = {
  id: "quantize/search-mse-block",
  params: [...shapeParamList, ["groups", "u32"], ["weighted", "u32"], ...searchParamList],
  bindings: [
    { name: "source", access: "read" },
    { name: "importance", access: "read" },
    { name: "scales", access: "read_write" },
    { name: "zero_points", access: "read_write" },
  ],
  overrides: defaults,
  // Alike but for how many weights sit in registers at a time; the call picks by block size.
  variants: [
    { name: "whole16", requires: [], wgsl: whole16Wgsl },
    { name: "whole32", requires: [], wgsl: whole32Wgsl },
    { name: "portable", requires: [], wgsl: width32Wgsl },
  ],
  tolerance: "exact",
};

/** The variant whose registers suit a block. */
export const widthVariant = (blockSize: number): "whole16" | "whole32" | "portable" =>
  blockSize <= 16 ? "whole16" : blockSize <= 32 ? "whole32" : "portable";

/**
 * Refines scales f32[groups] and, when asymmetric, zero points i32[groups], in layout order.
 * Bind any buffer as `importance` when `weighted` is false.
 */
export function searchMseBlockCall(
  target: SearchTarget,
  geometry: BlockedGeometry,
  layout: CodeLayout,
  weighted: boolean,
  overrides: { readonly wg?: number } = {},
): KernelCall {
  const { wg } = { wg: defaults.wg, ...overrides };
  const groups = groupCount(geometry);
  const params = searchParams(target, geometry);
  const candidates = target.asymmetric ? 15 : 13;
  return {
    kernel: searchMseBlockSpec.id,
    variant: widthVariant(geometry.blockSize),
    overrides: { wg, weighted: weighted ? 1 : 0, drop: params["drop"] ?? 0 },
    params: {
      ...shapeParams(geometry, layout),
      ...params,
      weighted: weighted ? 1 : 0,
    },
    workgroups: Math.ceil(groups / wg),
    cost: { bytes: elementsOf(geometry) * 4 + groups * 16, ops: elementsOf(geometry) * candidates * 12 },
  };
}
