// Room quantize/search-mse-block: MSE grid search over scale and zero point, one thread a block, in place.
import width16Wgsl from "../../../shaders/quantize/search-mse-block.wgsl?width16";
import width32Wgsl from "../../../shaders/quantize/search-mse-block.wgsl?width32";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, groupCount, type BlockedGeometry, type CodeLayout } from "./geometry.ts";
import { searchParamList, searchParams, type SearchTarget } from "./search-units.ts";
import { shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64, weighted: 0 };

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
    { name: "width16", requires: [], wgsl: width16Wgsl },
    { name: "portable", requires: [], wgsl: width32Wgsl },
  ],
  tolerance: "exact",
};

/** The variant whose registers suit a block. */
export const widthVariant = (blockSize: number): "width16" | "portable" => (blockSize <= 16 ? "width16" : "portable");

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
  const candidates = target.asymmetric ? 15 : 13;
  return {
    kernel: searchMseBlockSpec.id,
    variant: widthVariant(geometry.blockSize),
    overrides: { wg, weighted: weighted ? 1 : 0 },
    params: {
      ...shapeParams(geometry, layout),
      ...searchParams(target, geometry),
      weighted: weighted ? 1 : 0,
    },
    workgroups: Math.ceil(groups / wg),
    cost: { bytes: elementsOf(geometry) * 4 + groups * 16, ops: elementsOf(geometry) * candidates * 12 },
  };
}
