// Chooses a tensor's range out of its statistics: all of it, a percentile, the least squared error, or the least
// divergence (KL), the latter as Migacz describes it ("8-bit Inference with TensorRT", GTC 2017).
import { UsageError } from "../base/errors.ts";
import { binEdge, type Histogram } from "./histogram.ts";
import type { TensorStatistics } from "./statistics.ts";

export type RangeMethod = "minmax" | "percentile" | "mse" | "entropy";

export interface RangeOptions {
  readonly method: RangeMethod;
  /** Share of the elements that a percentile keeps, both tails cut alike; default 0.9999. */
  readonly share?: number;
  /** Bits of the codes; default 8. */
  readonly bits?: number;
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

/**
 * The range to quantize a tensor by; never wider than what was seen.
 * @throws UsageError where the tensor has no histogram and the method needs one, or for a share or bits that are none
 * @example const { min, max } = chooseRange("conv1", tensors.conv1, { method: "mse" });
 */
export function chooseRange(name: string, statistics: TensorStatistics, options: RangeOptions): Range {
  const { min, max, histogram } = statistics;
  const { method, share = 0.9999, bits = 8 } = options;
  if (!(share > 0 && share <= 1)) throw new UsageError(`A percentile keeps a share of 0 to 1, not ${share}.`);
  if (!Number.isInteger(bits) || bits < 2 || bits > 16) throw new UsageError(`Codes have 2 to 16 bits, not ${bits}.`);
  if (method === "minmax" || min === max) return { min, max };
  if (!histogram) {
    throw new UsageError(`"${name}" has no histogram, which "${method}" chooses by.`, {
      hint: "Calibrate with a histogram, or choose by minmax.",
      details: { tensor: name, method },
    });
  }
  const found =
    method === "percentile"
      ? percentile(histogram, share)
      : method === "mse"
        ? leastSquares(histogram, { min, max }, 2 ** bits)
        : leastDivergence(histogram, min >= 0 ? 2 ** bits : 2 ** (bits - 1));
  return { min: Math.max(min, found.min), max: Math.min(max, found.max) };
}

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** Bins in which the tails' shares end, whole. */
function percentile(histogram: Histogram, share: number): Range {
  const { counts } = histogram;
  const tail = (total(counts) * (1 - share)) / 2;
  const endOf = (list: readonly number[]): number => {
    let left = tail;
    const found = list.findIndex((count) => count > 0 && (left -= count) < 0);
    return found < 0 ? 0 : found;
  };
  return {
    min: binEdge(histogram, endOf(counts)),
    max: binEdge(histogram, counts.length - endOf(counts.toReversed())),
  };
}

/** Ends tried on each side. */
const ends = 128;

/**
 * Squared error as clipping (bins beyond an end, by their middles) plus rounding (a twelfth of a squared step),
 * over a grid of both ends; each end's clipping is known beforehand.
 */
function leastSquares(histogram: Histogram, { min, max }: Range, levels: number): Range {
  const { counts } = histogram;
  const clipped = (end: number, side: 1 | -1): { readonly end: number; readonly error: number; inside: number } => {
    let [error, inside] = [0, 0];
    for (const [bin, count] of counts.entries()) {
      const beyond = ((binEdge(histogram, bin) + binEdge(histogram, bin + 1)) / 2 - end) * side;
      if (beyond > 0) error += count * beyond ** 2;
      else inside += count;
    }
    return { end, error, inside };
  };
  // An end lies between 0 and what was seen on its side, so that 0 stays in the range.
  const candidates = (to: number, side: 1 | -1): ReturnType<typeof clipped>[] =>
    to === 0 ? [clipped(0, side)] : Array.from({ length: ends }, (_, i) => clipped((to * (ends - i)) / ends, side));
  const [lows, highs] = [candidates(Math.min(0, min), -1), candidates(Math.max(0, max), 1)];
  const all = total(counts);
  let [best, least] = [{ min, max }, Number.POSITIVE_INFINITY];
  for (const low of lows) {
    for (const high of highs) {
      const step = (high.end - low.end) / (levels - 1);
      const error = low.error + high.error + (Math.max(0, low.inside + high.inside - all) * step ** 2) / 12;
      if (error < least) [best, least] = [{ min: low.end, max: high.end }, error];
    }
  }
  return best;
}

/** The threshold of magnitudes under which `levels` of them say least else than the bins do. */
function leastDivergence(histogram: Histogram, levels: number): Range {
  const { counts } = histogram;
  const half = counts.length / 2;
  // Magnitudes: both signs' bins laid together.
  const bins = Array.from({ length: half }, (_, i) => (counts[half + i] ?? 0) + (counts[half - 1 - i] ?? 0));
  const used = bins.findLastIndex((count) => count > 0) + 1;
  let [best, least] = [used, Number.POSITIVE_INFINITY];
  let inside = total(bins.slice(0, Math.min(levels, used) - 1));
  const all = total(bins);
  for (let size = Math.min(levels, used); size <= used; size++) {
    const kept = bins.slice(0, size);
    // What is clipped comes to lie in the last bin of the reference, not of the candidate.
    const reference = kept.with(size - 1, all - inside);
    const divergence = divergenceOf(reference, levelled(kept, levels));
    if (divergence <= least) [best, least] = [size, divergence];
    inside += kept[size - 1] ?? 0;
  }
  const threshold = binEdge(histogram, half + best);
  return { min: -threshold, max: threshold };
}

/** Counts as so many levels know them: each level's spread evenly over its bins that hold any. */
function levelled(bins: readonly number[], levels: number): readonly number[] {
  const spread = bins.map(() => 0);
  const most = Math.min(levels, bins.length);
  for (let level = 0; level < most; level++) {
    const [from, to] = [Math.floor((level * bins.length) / most), Math.floor(((level + 1) * bins.length) / most)];
    const own = bins.slice(from, to);
    const mean = total(own) / Math.max(1, own.filter((count) => count > 0).length);
    for (const [i, count] of own.entries()) if (count > 0) spread[from + i] = mean;
  }
  return spread;
}

/** KL of normalized counts; where the candidate is empty and the reference is not, a smallest share stands in. */
function divergenceOf(reference: readonly number[], candidate: readonly number[]): number {
  const [p, q] = [total(reference), Math.max(1, total(candidate))];
  return reference.reduce((sum, count, i) => {
    if (count === 0) return sum;
    const other = Math.max((candidate[i] ?? 0) / q, 1e-4 / p);
    return sum + (count / p) * Math.log(count / p / other);
  }, 0);
}
