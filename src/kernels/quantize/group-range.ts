// Room quantize/group-range: lowest and highest element of each group, or of each segment of it.
import columnsWgsl from "../../../shaders/quantize/group-range.wgsl?columns";
import groupRangeWgsl from "../../../shaders/quantize/group-range.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { elementsOf, hasColumns, type CodeLayout, type Geometry } from "./geometry.ts";
import { groupsOf, shapeParamList, shapeParams } from "./shape.ts";

const defaults = { wg: 64 };

export const groupRangeSpec: KernelSpec = {
  id: "quantize/group-range",
  params: [...shapeParamList, ["groups", "u32"], ["segments", "u32"], ["segment_length", "u32"], ["interleave", "u32"]],
  bindings: [
    { name: "source", access: "read" },
    { name: "ranges", access: "read_write" },
  ],
  overrides: defaults,
  // Both run everywhere; a call takes the one that its shape is for.
  variants: [
    { name: "columns", requires: [], wgsl: columnsWgsl },
    { name: "portable", requires: [], wgsl: groupRangeWgsl },
  ],
  tolerance: "exact",
};

/** How the elements of a group are shared out: `segments` of at most `length`, `interleave` of them in turn. */
export interface RangeCut {
  readonly segments: number;
  readonly length: number;
  readonly interleave: 1 | 64;
}

/** Elements that one thread reduces of a wide group. */
const wideLength = 256;

/** Blocks stay whole. Wide groups are cut so that neighbouring threads read neighbouring words. */
export function rangeCut(geometry: Geometry): RangeCut {
  if (geometry.kind === "blocked") return { segments: 1, length: geometry.blockSize, interleave: 1 };
  const count = geometry.outer * geometry.inner;
  const interleave = geometry.inner >= 64 ? 64 : 1;
  const length = Math.min(wideLength, Math.ceil(count / interleave));
  return { segments: Math.ceil(count / (length * interleave)) * interleave, length, interleave };
}

/**
 * Ranges of a tensor's groups in the order of the layout. Buffers: source, f32 of the geometry; ranges,
 * 8 bytes for each of groups * cut.segments.
 * @throws UnsupportedError for tensors of 2^29 codes or more
 */
export function groupRangeCall(
  geometry: Geometry,
  layout: CodeLayout,
  cut: RangeCut = rangeCut(geometry),
  overrides: Partial<typeof defaults> = {},
  variant = "columns",
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const shape = shapeParams(geometry, layout);
  const groups = groupsOf(shape);
  const { segments, length, interleave } = cut;
  const columns = variant === "columns" && interleave === 1 && hasColumns(geometry, 4);
  return {
    kernel: groupRangeSpec.id,
    variant: columns ? "columns" : "portable",
    overrides: { wg },
    params: { ...shape, groups, segments, segment_length: length, interleave },
    workgroups: Math.ceil((groups * segments) / (columns ? 4 : 1) / wg),
    cost: { bytes: elementsOf(geometry) * 4 + groups * segments * 8, ops: elementsOf(geometry) * 6 },
  };
}
