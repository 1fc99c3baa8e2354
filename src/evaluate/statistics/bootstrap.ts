// Bootstrap confidence intervals by seed: samples are drawn with replacement, the figure is worked out again, and the
// spread of the results is the interval. Percentile, or BCa, which mends bias and skew (Efron, "Better bootstrap
// confidence intervals", 1987; Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 14).
import { UsageError } from "../../base/errors.ts";
import { NumberList } from "../../base/number-list.ts";
import { seededRandom } from "../../base/random.ts";
import { normalCdf, normalQuantile } from "./normal.ts";

export interface BootstrapOptions {
  /** Default bca. */
  readonly method?: "bca" | "percentile";
  /** Default 0.95. */
  readonly level?: number;
  /** Default 2000. */
  readonly resamples?: number;
  /** Default 1. */
  readonly seed?: number;
}

export interface Interval {
  /** The figure of all samples. */
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly level: number;
  readonly method: "bca" | "percentile";
  readonly resamples: number;
  readonly seed: number;
}

/** A figure of the samples of the given indices, repeats included; NaN where it is not defined for them. */
export type Statistic = (indices: Uint32Array) => number;

/** The jackknife leaves out groups of samples rather than single ones beyond this many. */
const maxJackknife = 400;

/**
 * The interval of any figure.
 * @param count samples
 * @param jackknife the figure without sample i, for all i, where there is a quicker way than by `statistic`
 * @throws UsageError without samples, for options out of range, or where the figure is not defined
 * @example bootstrap(scores.length, (indices) => median(indices, scores), { seed: 7 })
 */
export function bootstrap(
  count: number,
  statistic: Statistic,
  options: BootstrapOptions = {},
  jackknife?: () => Float64Array,
): Interval {
  const { method = "bca", level = 0.95, resamples = 2000, seed = 1 } = options;
  checkOptions(count, level, resamples);
  const estimate = statistic(allIndices(count));
  if (Number.isNaN(estimate)) throw new UsageError("The figure is not defined for these samples.");
  const random = seededRandom(seed, "bootstrap");
  const indices = new Uint32Array(count);
  // The array cuts fractions off. Some indices come up once in 2^32 draws more than others: `random.int` would mend
  // that at several times the cost, and drawing is what a bootstrap mostly does.
  const step = count / 2 ** 32;
  const replicates = new Float64Array(resamples);
  let kept = 0;
  for (let round = 0; round < resamples; round++) {
    for (let draw = 0; draw < count; draw++) indices[draw] = random.uint32() * step;
    const value = statistic(indices);
    if (!Number.isNaN(value)) replicates[kept++] = value;
  }
  if (kept < resamples / 2) throw new UsageError("The figure is not defined for most draws of these samples.");
  const sorted = replicates.subarray(0, kept).toSorted();
  const bounds = [(1 - level) / 2, (1 + level) / 2];
  const adjust = method === "bca" ? bca(estimate, sorted, jackknife ?? (() => leaveOut(count, statistic))) : undefined;
  const [low, high] = bounds.map((bound) => quantile(sorted, adjust ? adjust(bound) : bound)) as [number, number];
  return { estimate, low, high, level, method, resamples, seed };
}

/** The interval of a mean. */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions = {}): Interval {
  return bootstrap(values.length, meanOf(values), options, () => meanWithout(values));
}

/**
 * The interval of sum(numerators) / sum(denominators), such as a loss per token when whole texts are drawn.
 * @throws UsageError where the lists differ in length
 */
export function bootstrapRatio(
  numerators: ArrayLike<number>,
  denominators: ArrayLike<number>,
  options: BootstrapOptions = {},
): Interval {
  const count = numerators.length;
  if (denominators.length !== count) throw new UsageError("Numerators and denominators differ in number.");
  const ratio = ratioOf(numerators, denominators);
  return bootstrap(count, ratio, options, () => {
    const [top, bottom] = [total(numerators), total(denominators)];
    return Float64Array.from(
      { length: count },
      (_, i) => (top - (numerators[i] ?? 0)) / (bottom - (denominators[i] ?? 0)),
    );
  });
}

export const meanOf =
  (values: ArrayLike<number>): Statistic =>
  (indices) => {
    let sum = 0;
    for (let draw = 0; draw < indices.length; draw++) sum += values[indices[draw] ?? 0] ?? 0;
    return sum / indices.length;
  };

export const ratioOf =
  (numerators: ArrayLike<number>, denominators: ArrayLike<number>): Statistic =>
  (indices) => {
    let [top, bottom] = [0, 0];
    for (let draw = 0; draw < indices.length; draw++) {
      const index = indices[draw] ?? 0;
      top += numerators[index] ?? 0;
      bottom += denominators[index] ?? 0;
    }
    return bottom === 0 ? Number.NaN : top / bottom;
  };

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index] ?? 0;
  return sum;
}

function meanWithout(values: ArrayLike<number>): Float64Array {
  const sum = total(values);
  return Float64Array.from({ length: values.length }, (_, index) => (sum - (values[index] ?? 0)) / (values.length - 1));
}

function checkOptions(count: number, level: number, resamples: number): void {
  if (count < 1) throw new UsageError("There is no sample to draw from.");
  if (!(level > 0 && level < 1)) throw new UsageError(`${level} is no confidence level: give one between 0 and 1.`);
  if (!Number.isInteger(resamples) || resamples < 20 || resamples > 1e6) {
    throw new UsageError(`${resamples} resamples are out of range: give 20 to 1000000.`);
  }
}

/** The figure without each sample, or without each of `maxJackknife` groups of samples dealt out in turn. */
function leaveOut(count: number, statistic: Statistic): Float64Array {
  const groups = Math.min(count, maxJackknife);
  const kept = new Uint32Array(count);
  const values = new NumberList();
  for (let group = 0; group < groups; group++) {
    let length = 0;
    for (let index = 0; index < count; index++) if (index % groups !== group) kept[length++] = index;
    const value = statistic(kept.subarray(0, length));
    if (!Number.isNaN(value)) values.push(value);
  }
  return values.values();
}

/** 0 to count - 1. */
export function allIndices(count: number): Uint32Array {
  const indices = new Uint32Array(count);
  for (let index = 0; index < count; index++) indices[index] = index;
  return indices;
}

/** Where on the sorted replicates to read a bound: BCa's two corrections. */
function bca(estimate: number, sorted: Float64Array, jackknife: () => Float64Array): (bound: number) => number {
  const [below, equal] = [
    sorted.filter((value) => value < estimate).length,
    sorted.filter((value) => value === estimate).length,
  ];
  // Ties count half; the share is kept off 0 and 1, where the bias would be infinite.
  const share = Math.min(1 - 0.5 / sorted.length, Math.max(0.5 / sorted.length, (below + equal / 2) / sorted.length));
  const bias = normalQuantile(share);
  const acceleration = skew(jackknife());
  return (bound) => {
    const shifted = bias + normalQuantile(bound);
    const room = 1 - acceleration * shifted;
    return room > 0 ? normalCdf(bias + shifted / room) : shifted > 0 ? 1 : 0;
  };
}

function skew(values: Float64Array): number {
  const mean = total(values) / values.length;
  let [squares, cubes] = [0, 0];
  for (const value of values) {
    squares += (mean - value) ** 2;
    cubes += (mean - value) ** 3;
  }
  return squares > 0 ? cubes / (6 * squares ** 1.5) : 0;
}

/** Linear between the two nearest of the sorted values. */
function quantile(sorted: Float64Array, share: number): number {
  const at = Math.min(1, Math.max(0, share)) * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)] ?? 0, sorted[Math.ceil(at)] ?? 0];
  return below + (above - below) * (at - Math.floor(at));
}
