// Room stats/tensor-range: range and moments of a tensor, one record per thread; the host folds them with
// range-fold.ts.
import tensorRangeWgsl from "../../../shaders/stats/tensor-range.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { rangeRecordBytes } from "./range-fold.ts";
import { segmentsOf } from "./segments.ts";

const defaults = { wg: 64 };

export const tensorRangeSpec: KernelSpec = {
  id: "stats/tensor-range",
  params: [
    ["count", "u32"],
    ["segments", "u32"],
    ["quads_per_thread", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "records", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: tensorRangeWgsl }],
  // Sums of at most 128 terms in each of four lanes; the floor covers sums that cancel.
  tolerance: { relative: 1e-4, floor: 1e-30 },
};

/** Bytes of the records that a call for `count` elements writes. */
export function tensorRangeBytes(count: number, quadsPerThread?: number): number {
  return segmentsOf(count, quadsPerThread).segments * rangeRecordBytes;
}

/**
 * Measures `count` f32; buffers: source 4 * count bytes, records tensorRangeBytes(count).
 * @param quads quads of elements per record; by default what suits the count
 */
export function tensorRangeCall(count: number, quads?: number, overrides: Partial<typeof defaults> = {}): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const { segments, quadsPerThread } = segmentsOf(count, quads);
  return {
    kernel: tensorRangeSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { count, segments, quads_per_thread: quadsPerThread },
    workgroups: Math.ceil(segments / wg),
    cost: { bytes: count * 4 + segments * rangeRecordBytes, ops: count * 12 },
  };
}
