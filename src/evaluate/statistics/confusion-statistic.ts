// Figures of the confusion matrix as statistics to draw samples for. A draw costs one addition for every pair of a
// sample, not a look into a map: bootstraps make millions of them.
import type { Confusion } from "../metrics/confusion.ts";
import type { Statistic } from "./bootstrap.ts";

/**
 * @param samples the pairs of each sample: one for a class, many for a picture's pixels
 * @param figure worked out from the pairs of all samples drawn together
 */
export function confusionStatistic(
  samples: Iterable<readonly Confusion[]>,
  figure: (pairs: readonly Confusion[]) => number,
): Statistic {
  const pairs: { readonly label: number; readonly predicted: number }[] = [];
  const known = new Map<string, number>();
  const [starts, codes, counts]: [number[], number[], number[]] = [[0], [], []];
  for (const sample of samples) {
    for (const { label, predicted, count } of sample) {
      const key = `${label} ${predicted}`;
      const code = known.get(key) ?? pairs.push({ label, predicted }) - 1;
      known.set(key, code);
      codes.push(code);
      counts.push(count);
    }
    starts.push(codes.length);
  }
  const sums = new Float64Array(pairs.length);
  return (indices) => {
    sums.fill(0);
    for (const index of indices) {
      const end = starts[index + 1] ?? 0;
      for (let at = starts[index] ?? 0; at < end; at++) {
        const code = codes[at] ?? 0;
        sums[code] = (sums[code] ?? 0) + (counts[at] ?? 0);
      }
    }
    const drawn = pairs.map(({ label, predicted }, code) => ({ label, predicted, count: sums[code] ?? 0 }));
    return figure(drawn.filter(({ count }) => count > 0));
  };
}
