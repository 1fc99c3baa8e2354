// Percentile clipping, host side: ranks, and for the references the order of weights and the clipped range.
import { countedValue } from "./shape.ts";
import { valueOf } from "./search-units.ts";

/** Nearest rank: the smallest r with at least `percentile` % of n values at or below the r-th, 1 to n. */
export const rankOf = (percentile: number, n: number): number =>
  Math.min(n, Math.max(1, Math.ceil((percentile / 100) * n - 1e-9)));

/** Words per group of the wide selection's state and counts. */
export const clipStateWords = 4;
export const clipCountWords = 32;

/** Where the digits start, from the top. */
export const clipShifts: readonly number[] = [28, 24, 20, 16, 12, 8, 4, 0];

/** The integer by which a weight, given by f32 bits, is sorted. */
export function clipKey(bits: number, bothEnds: boolean): number {
  const x = countedValue(valueOf(bits)) === 0 ? 0 : bits >>> 0;
  if (!bothEnds) return x & 0x7fffffff;
  return x >= 2 ** 31 ? ~x >>> 0 : x + 2 ** 31;
}

const valueBits = (key: number): number => (key >= 2 ** 31 ? key - 2 ** 31 : ~key >>> 0);

/** Low and high end of the clipped range as f32 bits, from the keys at rank r and rank n + 1 - r. */
export function clipRange(upper: number, lower: number, bothEnds: boolean, negative: boolean): [number, number] {
  if (bothEnds) {
    const [low, high] = [valueBits(lower), valueBits(upper)];
    return [low >= 2 ** 31 ? low : 0, high >= 2 ** 31 ? 0 : high];
  }
  if (negative) return [0, upper];
  return [upper === 0 ? 0 : upper + 2 ** 31, 0];
}
