// Parts of a data set by seed: subsets, and splits that keep every class's share.
import { FormatError, UsageError } from "../base/errors.ts";
import { checkIndices, fieldOf, permutation, type Dataset } from "./dataset.ts";

/** The samples of these indices, in this order. @throws UsageError for an index out of range */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const chosen = Array.from(indices);
  checkIndices(dataset, chosen);
  const part = { ...dataset, size: chosen.length };
  const toWhole = (index: number): number => chosen[index] ?? 0;
  return {
    ...part,
    async read(asked, signal) {
      checkIndices(part, asked);
      return dataset.read(asked.map(toWhole), signal);
    },
    ...(dataset.labels && { labels: (asked: readonly number[]) => dataset.labels?.(asked.map(toWhole)) ?? [] }),
  };
}

export interface SplitOptions {
  /** Default 1. */
  readonly seed?: number;
  /** Keep every class's share in all parts; default: where the data set has labels. */
  readonly stratify?: boolean;
}

/**
 * Deals the samples out to parts at random, each sample to one part; the order within a part is random too.
 * @param shares positive, by part; what they sum to counts as everything
 * @throws UsageError for shares that are none, for a part that would be empty, or to stratify without labels
 * @example const { calibration, test } = await split(data, { calibration: 0.1, test: 0.9 }, { seed: 3 });
 */
export async function split<Part extends string>(
  dataset: Dataset,
  shares: Readonly<Record<Part, number>>,
  options: SplitOptions = {},
): Promise<Readonly<Record<Part, Dataset>>> {
  const { seed = 1, stratify = dataset.labelField !== undefined } = options;
  const names = Object.keys(shares) as Part[];
  const total = names.reduce((sum, name) => sum + shares[name], 0);
  if (names.length === 0 || names.some((name) => !(shares[name] > 0)) || !Number.isFinite(total)) {
    throw new UsageError("The shares of a split must be positive numbers.");
  }
  const order = permutation(dataset.size, seed);
  if (stratify) {
    // Sorting is stable: samples of a class keep their random order.
    const labels = await labelsOf(dataset);
    order.sort((a, b) => (labels[a] ?? 0) - (labels[b] ?? 0));
  }
  // Each sample goes to the part that lags most behind its share, so every run of equal labels is dealt out evenly.
  const parts = new Map(names.map((name) => [name, [] as number[]]));
  for (const [position, sample] of order.entries()) {
    const lag = (name: Part): number => (shares[name] / total) * (position + 1) - (parts.get(name)?.length ?? 0);
    const next = names.reduce((most, name) => (lag(name) > lag(most) ? name : most));
    parts.get(next)?.push(sample);
  }
  const empty = names.find((name) => parts.get(name)?.length === 0);
  if (empty !== undefined) {
    throw new UsageError(`${dataset.name}: "${empty}" would get none of the ${dataset.size} samples.`, {
      hint: "Give it a larger share, or more samples.",
      details: { file: dataset.name },
    });
  }
  const shuffled = (name: Part): number[] => {
    const samples = parts.get(name) ?? [];
    return Array.from(permutation(samples.length, seed), (index) => samples[index] ?? 0);
  };
  return Object.fromEntries(names.map((name) => [name, subset(dataset, shuffled(name))])) as Record<Part, Dataset>;
}

const labelsAtOnce = 1024;

/**
 * The class index of every sample.
 * @throws UsageError where the data set has no labels; FormatError where a label is no class index
 */
export async function labelsOf(dataset: Dataset, signal?: AbortSignal): Promise<Uint32Array> {
  const name = dataset.labelField;
  if (name === undefined) {
    throw new UsageError(`${dataset.name}: the data set has no labels.`, {
      hint: "Say which field or column holds them.",
      details: { file: dataset.name },
    });
  }
  fieldOf(dataset, name);
  const labels = new Uint32Array(dataset.size);
  for (let start = 0; start < dataset.size; start += labelsAtOnce) {
    const count = Math.min(labelsAtOnce, dataset.size - start);
    const indices = Array.from({ length: count }, (_, index) => start + index);
    const data = await readLabels(dataset, name, indices, signal);
    for (let index = 0; index < count; index++) {
      const label = data[index] ?? Number.NaN;
      if (!Number.isInteger(label) || label < 0 || label >= 2 ** 32 || data.length !== count) {
        throw new FormatError(`${dataset.name}: the label ${label} of sample ${start + index} is no class index.`, {
          details: { file: dataset.name, sample: start + index },
        });
      }
      labels[start + index] = label;
    }
  }
  return labels;
}

/** A data set of pictures must not decode them for their labels. */
async function readLabels(
  dataset: Dataset,
  name: string,
  indices: readonly number[],
  signal: AbortSignal | undefined,
): Promise<ArrayLike<number>> {
  if (dataset.labels) return dataset.labels(indices);
  return (await dataset.read(indices, signal)).get(name)?.data ?? [];
}
