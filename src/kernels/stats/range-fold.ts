// The words that stats/tensor-range writes per segment, and their fold on the host in f64.

/** Word order of one record; 4 bytes each. */
export const rangeWords = [
  "min", // f32, finite elements
  "max", // f32
  "sum", // f32
  "sumSquares", // f32
  "nonFinite", // u32
  "firstNonFinite", // u32, index, 0xffffffff when none
  "zeros", // u32, of either sign
  "count", // u32
] as const;

export const rangeRecordBytes = rangeWords.length * 4;

export interface RangeStatistics {
  readonly count: number;
  /** Over finite elements; NaN when there are none, as are mean, rms and std. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly rms: number;
  /** Standard deviation of the population. */
  readonly std: number;
  readonly zeros: number;
  readonly nonFinite: number;
  readonly firstNonFinite: number | undefined;
}

/** Statistics from range records laid end to end. */
export function foldRangeRecords(bytes: Uint8Array): RangeStatistics {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [min, max, sum, squares] = [Infinity, -Infinity, 0, 0];
  let [nonFinite, first, zeros, count] = [0, 0xffffffff, 0, 0];
  for (let at = 0; at + rangeRecordBytes <= bytes.length; at += rangeRecordBytes) {
    const float = (word: number): number => view.getFloat32(at + word * 4, true);
    const integer = (word: number): number => view.getUint32(at + word * 4, true);
    sum += float(2);
    squares += float(3);
    nonFinite += integer(4);
    first = Math.min(first, integer(5));
    zeros += integer(6);
    count += integer(7);
    if (integer(7) > integer(4)) {
      min = Math.min(min, float(0));
      max = Math.max(max, float(1));
    }
  }
  const finite = count - nonFinite;
  const mean = sum / finite;
  return {
    count,
    min: finite === 0 ? NaN : min,
    max: finite === 0 ? NaN : max,
    mean,
    rms: Math.sqrt(squares / finite),
    std: Math.sqrt(Math.max(0, squares / finite - mean * mean)),
    zeros,
    nonFinite,
    firstNonFinite: nonFinite === 0 ? undefined : first,
  };
}
