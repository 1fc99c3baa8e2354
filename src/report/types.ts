// What a run reports, as plain data: `wgslim quantize --json` prints exactly a QuantizeReport.
// JSON has no infinity: the SQNR of an exact tensor, Infinity here, is null there.

export interface FileFacts {
  readonly path: string;
  readonly bytes: number;
  /** Of the whole file, lower-case hex. */
  readonly sha256: string;
  /** Files beside it that hold its weights: external data, shards. Absent where there are none. */
  readonly dataFiles?: readonly { readonly path: string; readonly bytes: number }[];
}

export interface TensorReport {
  readonly name: string;
  /** Operator that uses the weight. */
  readonly op: string;
  readonly shape: readonly number[];
  readonly format: string;
  readonly bytesBefore: number;
  /** Codes, scales and zero points together. */
  readonly bytesAfter: number;
  /** 10 log10(sum x^2 / sum (x - y)^2) over the weight, in dB; Infinity when exact. */
  readonly sqnrDb: number;
  readonly maxAbsError: number;
  readonly cosine: number;
}

export interface QuantizeReport {
  readonly input: FileFacts;
  readonly output: FileFacts;
  /** What computed, in the driver's own words. */
  readonly adapter: string;
  readonly plan: {
    readonly peakDeviceBytes: number;
    readonly lowerBoundBytes: number;
    readonly dispatches: number;
    readonly submits: number;
  };
  readonly tensors: readonly TensorReport[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly warnings: readonly string[];
  readonly seconds: number;
}

/** Counts in equal bins from min to max. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly counts: readonly number[];
}

/** Values of a weight before and after, over the same bins where both are given. */
export interface HistogramPair {
  readonly name: string;
  readonly before: Histogram;
  readonly after: Histogram;
}

/** What a page can show beyond the report itself. */
export interface ReportExtras {
  readonly title?: string;
  readonly histograms?: readonly HistogramPair[];
}
