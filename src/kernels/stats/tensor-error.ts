// Room stats/tensor-error: error statistics of a decoded tensor against its source, one record of the words
// of ../quantize/error-sums.ts per thread; the host folds them with ../quantize/error-fold.ts.
import tensorErrorWgsl from "../../../shaders/stats/tensor-error.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { errorRecordBytes } from "../quantize/error-sums.ts";
import { segmentsOf } from "./segments.ts";

const defaults = { wg: 64 };

export const tensorErrorSpec: KernelSpec = {
  id: "stats/tensor-error",
  params: [
    ["count", "u32"],
    ["segments", "u32"],
    ["quads_per_thread", "u32"],
    ["clip_bits", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "decoded", access: "read" },
    { name: "records", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: tensorErrorWgsl }],
  // Sums of at most 128 terms in each of four lanes.
  tolerance: { relative: 1e-4, floor: 1e-30 },
};

export interface TensorErrorOptions {
  /** Finite source values beyond this magnitude count as clipped; none by default. */
  readonly clipLimit?: number;
  /** Quads of elements per record; by default what suits the count. */
  readonly quadsPerThread?: number;
}

/** Bytes of the records that a call for `count` elements writes. */
export function tensorErrorBytes(count: number, options: Pick<TensorErrorOptions, "quadsPerThread"> = {}): number {
  return segmentsOf(count, options.quadsPerThread).segments * errorRecordBytes;
}

/** Compares `count` f32 of source and decoded; buffers: both 4 * count bytes, records tensorErrorBytes(count). */
export function tensorErrorCall(
  count: number,
  options: TensorErrorOptions = {},
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const { segments, quadsPerThread } = segmentsOf(count, options.quadsPerThread);
  return {
    kernel: tensorErrorSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      count,
      segments,
      quads_per_thread: quadsPerThread,
      clip_bits: new Uint32Array(new Float32Array([options.clipLimit ?? Infinity]).buffer)[0] ?? 0,
    },
    workgroups: Math.ceil(segments / wg),
    cost: { bytes: count * 8 + segments * errorRecordBytes, ops: count * 24 },
  };
}
