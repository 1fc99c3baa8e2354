// The words that every error-measuring kernel writes per segment, and how the host folds them.
// Sums are f32 within a segment and f64 across segments, so they are close but not byte-identical
// between devices; the counts and the fingerprint are integers and identical everywhere.

/** Word order of one segment's record; 4 bytes each. */
export const errorWords = [
  "sumSquaredError", // f32
  "sumSquaredSource", // f32
  "sumSquaredDecoded", // f32
  "dot", // f32, source . decoded
  "maxAbsError", // f32
  "minSource", // f32
  "maxSource", // f32
  "clipped", // u32, elements outside the range that their group's codes can express
  "nonFinite", // u32, NaN or infinity in the source
  "firstNonFinite", // u32, index of the first, 0xffffffff when none
  "fingerprint", // u32, wrapping sum of (bits of decoded f32, -0 as +0) * (2 * index + 1), index in natural order
  "count", // u32
] as const;

export const errorRecordBytes = errorWords.length * 4;

export interface ErrorStatistics {
  readonly count: number;
  readonly mse: number;
  /** 10 log10(sum x^2 / sum (x - y)^2) in dB; Infinity when exact. */
  readonly sqnrDb: number;
  readonly cosine: number;
  readonly maxAbsError: number;
  readonly minSource: number;
  readonly maxSource: number;
  /** Share of elements beyond what their group's codes can express, 0 to 1. */
  readonly clippedShare: number;
  readonly nonFinite: number;
  readonly firstNonFinite: number | undefined;
  readonly fingerprint: number;
}
