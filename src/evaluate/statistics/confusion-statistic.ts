// Figures of the confusion matrix as statistics to draw samples for. A draw costs one addition for every pair of a
// sample, not a look into a map: bootstraps make millions of them.
import { NumberList } from "../../base/number-list.ts";
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
  const [starts, codes, counts] = [new NumberList(), new NumberList(), new NumberList()];
  starts.push(0);
  for (const sample of samples) {
    for (const { label, predicted, count } of sample) {
      const key = `${label} ${predicted}`;
      const pair = known.get(key) ?? pairs.push({ label, predicted }) - 1;
      known.set(key, pair);
      codes.push(pair);
      counts.push(count);
    }
    starts.push(codes.length);
  }
  const sums = new Float64Array(pairs.length);
  const ends = Uint32Array.from(starts.values());
  const code = Uint32Array.from(codes.values());
  const times = counts.values();
  const areSingle = code.length === ends.length - 1 && ends.every((end, sample) => end === sample);
  const isPlain = areSingle && times.every((count) => count === 1);
  return (indices) => {
    sums.fill(0);
    if (isPlain) countPlain(indices);
    else countAll(indices);
    const drawn = pairs.map(({ label, predicted }, pair) => ({ label, predicted, count: sums[pair] ?? 0 }));
    return figure(drawn.filter(({ count }) => count > 0));
  };

  function countPlain(indices: Uint32Array): void {
    for (let draw = 0; draw < indices.length; draw++) {
      const pair = code[indices[draw] ?? 0] ?? 0;
      sums[pair] = (sums[pair] ?? 0) + 1;
    }
  }

  function countAll(indices: Uint32Array): void {
    for (let draw = 0; draw < indices.length; draw++) {
      const index = indices[draw] ?? 0;
      const end = ends[index + 1] ?? 0;
      for (let at = ends[index] ?? 0; at < end; at++) {
        const pair = code[at] ?? 0;
        sums[pair] = (sums[pair] ?? 0) + (times[at] ?? 0);
      }
    }
  }
}
