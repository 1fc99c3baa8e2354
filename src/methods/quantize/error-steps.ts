// Steps that look at tensors without changing them: error against a source, range, histogram. Whoever downloads
// their results folds them with foldErrorRecords, foldRangeRecords, or reads the counts.
import type { DeviceProfile } from "../../base/profile.ts";
import { histogramBytes, histogramCall, histogramEdges, histogramSpec } from "../../kernels/stats/histogram.ts";
import { tensorErrorBytes, tensorErrorCall, tensorErrorSpec } from "../../kernels/stats/tensor-error.ts";
import { tensorRangeBytes, tensorRangeCall, tensorRangeSpec } from "../../kernels/stats/tensor-range.ts";
import type { Step, Upload } from "../../plan/types.ts";
import { floatWords, kernelStep } from "./kernel-step.ts";

/** Steps that leave records for the host in one buffer. */
export interface RecordSteps {
  readonly buffers: Readonly<Record<string, number>>;
  readonly steps: readonly Step[];
  readonly records: { readonly buffer: string; readonly bytes: number };
}

export interface TensorErrorRequest {
  /** f32 buffers of the unit, `count` elements each, in the same order. */
  readonly source: string;
  readonly decoded: string;
  readonly count: number;
  readonly prefix: string;
  /** Finite source values of a larger magnitude count as clipped; none by default. */
  readonly clipLimit?: number;
}

/** Error records of a decoded tensor against its source; fold with foldErrorRecords. */
export function tensorErrorSteps(profile: DeviceProfile, request: TensorErrorRequest): RecordSteps {
  const { source, decoded, count, prefix, clipLimit } = request;
  const buffer = `${prefix}errors`;
  const bytes = tensorErrorBytes(count);
  const call = tensorErrorCall(count, clipLimit === undefined ? {} : { clipLimit });
  return {
    buffers: { [buffer]: bytes },
    steps: [kernelStep(profile, tensorErrorSpec, call, [source, decoded, buffer])],
    records: { buffer, bytes },
  };
}

export interface TensorRequest {
  /** f32 buffer of the unit. */
  readonly source: string;
  readonly count: number;
  readonly prefix: string;
}

/** Range records of a tensor; fold with foldRangeRecords. */
export function rangeSteps(profile: DeviceProfile, { source, count, prefix }: TensorRequest): RecordSteps {
  const buffer = `${prefix}range`;
  const bytes = tensorRangeBytes(count);
  return {
    buffers: { [buffer]: bytes },
    steps: [kernelStep(profile, tensorRangeSpec, tensorRangeCall(count), [source, buffer])],
    records: { buffer, bytes },
  };
}

export interface HistogramRequest extends TensorRequest {
  readonly lo: number;
  readonly hi: number;
  /** 1 to 256; 64 by default. */
  readonly bins?: number;
}

/**
 * Histogram of a tensor; the records are u32 counts of the bins, then below, above and non-finite.
 * @throws UsageError for limits or bins that make no histogram
 */
export function histogramSteps(
  profile: DeviceProfile,
  request: HistogramRequest,
): RecordSteps & { readonly uploads: readonly Upload[] } {
  const { source, count, lo, hi, bins = 64, prefix } = request;
  const [edges, counts] = [`${prefix}edges`, `${prefix}counts`];
  const limits = histogramEdges(lo, hi, bins);
  const bytes = histogramBytes(bins);
  return {
    buffers: { [edges]: limits.byteLength, [counts]: bytes },
    uploads: [
      { buffer: edges, data: { kind: "inline", words: floatWords(limits) } },
      { buffer: counts, data: { kind: "inline", words: Array.from({ length: bytes / 4 }, () => 0) } },
    ],
    steps: [kernelStep(profile, histogramSpec, histogramCall(count, limits), [source, edges, counts])],
    records: { buffer: counts, bytes },
  };
}
