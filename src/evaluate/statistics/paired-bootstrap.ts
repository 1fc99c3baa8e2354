// Is the compressed model worse, or is it the samples? Both models' figures are worked out on the same draws, so that
// what makes a sample hard for both cancels (Efron and Tibshirani, 1993; Koehn, "Statistical significance tests for
// machine translation evaluation", 2004).
import {
  allIndices,
  bootstrap,
  meanOf,
  ratioOf,
  type BootstrapOptions,
  type Interval,
  type Statistic,
} from "./bootstrap.ts";
import { UsageError } from "../../base/errors.ts";

export interface PairedDifference extends Interval {
  readonly original: number;
  readonly compressed: number;
  /** Whether the interval of compressed - original (`estimate`, `low`, `high`) leaves out 0. */
  readonly excludesZero: boolean;
}

/**
 * The interval of the difference compressed - original of any figure.
 * @throws as `bootstrap` does
 */
export function pairedBootstrap(
  count: number,
  original: Statistic,
  compressed: Statistic,
  options: BootstrapOptions = {},
): PairedDifference {
  const interval = bootstrap(count, (indices) => compressed(indices) - original(indices), options);
  const every = allIndices(count);
  return {
    ...interval,
    original: original(every),
    compressed: compressed(every),
    excludesZero: interval.low > 0 || interval.high < 0,
  };
}

/**
 * The interval of the difference of two means over the same samples.
 * @throws UsageError where the lists differ in length
 */
export function pairedBootstrapMean(
  original: ArrayLike<number>,
  compressed: ArrayLike<number>,
  options: BootstrapOptions = {},
): PairedDifference {
  requirePairs(original, compressed);
  return pairedBootstrap(original.length, meanOf(original), meanOf(compressed), options);
}

/** As `pairedBootstrapMean`, of sums over the same denominators, such as losses per token by text. */
export function pairedBootstrapRatio(
  original: ArrayLike<number>,
  compressed: ArrayLike<number>,
  denominators: ArrayLike<number>,
  options: BootstrapOptions = {},
): PairedDifference {
  requirePairs(original, compressed);
  requirePairs(original, denominators);
  return pairedBootstrap(original.length, ratioOf(original, denominators), ratioOf(compressed, denominators), options);
}

function requirePairs(a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length !== b.length) throw new UsageError(`${a.length} and ${b.length} samples can't be paired.`);
}
