// Histograms that merge exactly: their range is ±2^exponent, and doubling it joins neighbouring bins two by two, so
// in which order values came, and in how many runs, leaves no trace.

export interface Histogram {
  /** The range is [-2^exponent, 2^exponent). */
  readonly exponent: number;
  /** Elements by bin of equal width; their number is a multiple of 4. */
  readonly counts: readonly number[];
}

/** Bins of equal width over the double range. */
function doubled({ exponent, counts }: Histogram): Histogram {
  const wider = counts.map(() => 0);
  const first = counts.length / 4;
  for (const [i, count] of counts.entries()) {
    const at = first + Math.floor(i / 2);
    wider[at] = (wider[at] ?? 0) + count;
  }
  return { exponent: exponent + 1, counts: wider };
}

/** Both together, over the wider of their ranges; they have equally many bins. */
export function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  let [left, right] = [a, b];
  while (left.exponent < right.exponent) left = doubled(left);
  while (right.exponent < left.exponent) right = doubled(right);
  return { exponent: left.exponent, counts: left.counts.map((count, i) => count + (right.counts[i] ?? 0)) };
}

/** Where a bin begins; that of the number of bins is the range's end. */
export const binEdge = ({ exponent, counts }: Histogram, bin: number): number =>
  2 ** exponent * ((2 * bin) / counts.length - 1);

/** Exponents reach over all of f32, so that doubling always comes to an end. */
export function histogramIsSound(value: unknown): value is Histogram {
  if (typeof value !== "object" || value === null || !("exponent" in value) || !("counts" in value)) return false;
  const { exponent, counts } = value;
  return (
    Number.isSafeInteger(exponent) &&
    Math.abs(Number(exponent)) <= 160 &&
    Array.isArray(counts) &&
    counts.length >= 4 &&
    counts.length % 4 === 0 &&
    counts.every((count) => Number.isSafeInteger(count) && Number(count) >= 0)
  );
}
