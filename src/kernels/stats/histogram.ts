// Room stats/histogram: counts of a tensor's values between given edges.
import histogramWgsl from "../../../shaders/stats/histogram.wgsl";
import { UsageError } from "../../base/errors.ts";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 64, elementsPerThread: 256 };
const mostBins = 256;

export const histogramSpec: KernelSpec = {
  id: "stats/histogram",
  params: [
    ["count", "u32"],
    ["bins", "u32"],
    ["elements_per_thread", "u32"],
    ["bins_per_unit", "f32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "edges", access: "read" },
    { name: "counts", access: "read_write" },
  ],
  overrides: { wg: defaults.wg },
  variants: [{ name: "portable", requires: [], wgsl: histogramWgsl }],
  tolerance: "exact",
};

/** Bytes of the counts: bins, then below, above and non-finite. */
export const histogramBytes = (bins: number): number => (bins + 3) * 4;

/**
 * The bins + 1 edges of equal bins from lo to hi, as f32. Equal limits are widened by one part in 2^10.
 * @throws UsageError for limits that are not finite or in the wrong order, or bins outside 1 to 256
 */
export function histogramEdges(lo: number, hi: number, bins: number): Float32Array {
  if (!Number.isFinite(lo) || !Number.isFinite(hi) || lo > hi) {
    throw new UsageError(`A histogram can't run from ${lo} to ${hi}.`, {
      hint: "Give finite limits, low before high.",
    });
  }
  if (!Number.isInteger(bins) || bins < 1 || bins > mostBins) {
    throw new UsageError(`A histogram can't have ${bins} bins.`, { hint: `Ask for 1 to ${mostBins} bins.` });
  }
  const margin = lo === hi ? Math.max(Math.abs(lo) / 1024, 2 ** -100) : 0;
  const [start, end] = [lo - margin, hi + margin];
  return Float32Array.from({ length: bins + 1 }, (_, b) => start + ((end - start) * b) / bins);
}

/**
 * Counts `count` f32 into the bins between `edges` of histogramEdges. Buffers: source 4 * count bytes; the edges; counts, histogramBytes(bins), zero before.
 */
export function histogramCall(count: number, edges: Float32Array, tuning: Partial<typeof defaults> = {}): KernelCall {
  const bins = edges.length - 1;
  const width = (edges[bins] ?? 0) - (edges[0] ?? 0);
  const { wg, elementsPerThread } = { ...defaults, ...tuning };
  return {
    kernel: histogramSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { count, bins, elements_per_thread: elementsPerThread, bins_per_unit: bins / width },
    workgroups: Math.ceil(count / (wg * elementsPerThread)),
    cost: { bytes: count * 4, ops: count * 24 },
  };
}
