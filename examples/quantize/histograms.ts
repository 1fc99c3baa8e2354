// Histograms of a tensor before and after, over one common range.

export interface Histograms {
  readonly low: number;
  readonly high: number;
  /** Counts in equal bins from low to high. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** How many different values there are. */
  readonly distinctBefore: number;
  readonly distinctAfter: number;
}

const bins = 96;

export function histogramsOf(before: Float32Array, after: Float32Array): Histograms {
  let [low, high] = [Infinity, -Infinity];
  for (const values of [before, after]) {
    for (const value of values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  const width = (high - low) / bins || 1;
  const count = (values: Float32Array): readonly number[] => {
    const counts = Array.from({ length: bins }, () => 0);
    for (const value of values) {
      const bin = Math.min(bins - 1, Math.floor((value - low) / width));
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    return counts;
  };
  return {
    low,
    high,
    before: count(before),
    after: count(after),
    distinctBefore: new Set(before).size,
    distinctAfter: new Set(after).size,
  };
}
