// A data set: a known number of samples, each a set of named tensors, any of which can be read by index. What reads
// files makes these; batches, shuffles, splits and transforms take them. Nothing here knows files or models.
import { UsageError, throwIfAborted } from "../base/errors.ts";
import { seededRandom } from "../base/random.ts";
import type { InputTensor, InputType } from "../evaluate/tensors.ts";

/** One tensor of every sample. */
export interface Field {
  readonly name: string;
  readonly dtype: InputType;
  /** Of one sample, without the batch axis; undefined where samples differ and are padded. */
  readonly dims: readonly (number | undefined)[];
}

/** Samples side by side: tensors by field, whose first axis counts the samples. */
export type Batch = ReadonlyMap<string, InputTensor>;

export interface Dataset {
  /** For messages: the file or folder. */
  readonly name: string;
  /** Samples. */
  readonly size: number;
  readonly fields: readonly Field[];
  /** The field that holds one class index a sample, where there is one. */
  readonly labelField?: string;
  /** Names of the classes by index, where labels were words. */
  readonly classNames?: readonly string[];
  /** The class indices of samples, where they are known without reading the samples. */
  labels?(indices: readonly number[]): readonly number[];
  /** Sentences for the user. */
  readonly warnings?: readonly string[];
  /**
   * Reads samples in the order asked for; one may be asked for twice.
   * @throws UsageError for an index out of range; FormatError and IoError from the file
   */
  read(indices: readonly number[], signal?: AbortSignal): Promise<Batch>;
}

export interface BatchOptions {
  /** Default 1. The last batch may be smaller. */
  readonly batchSize?: number;
  /** Shuffles by this seed; default: the file's order. */
  readonly shuffle?: number;
  /** At most so many samples, after shuffling. */
  readonly limit?: number;
  /** Leave out a last batch that is smaller, for models of a fixed batch size. */
  readonly dropLast?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Reads a data set batch by batch; one batch is held at a time.
 * @throws UsageError for sizes that are none, or where nothing is left to read
 * @example for await (const batch of batches(data, { batchSize: 32, shuffle: 1, limit: 512 })) …
 */
export async function* batches(dataset: Dataset, options: BatchOptions = {}): AsyncGenerator<Batch, void, undefined> {
  const { batchSize = 1, shuffle, limit = dataset.size, dropLast = false, signal } = options;
  requireCount(batchSize, "a batch size");
  requireCount(limit, "a number of samples");
  const order = shuffle === undefined ? inOrder(dataset.size) : permutation(dataset.size, shuffle);
  const count = Math.min(limit, dataset.size);
  const end = dropLast ? count - (count % batchSize) : count;
  if (end === 0) {
    throw new UsageError(`${dataset.name}: there is no sample to read.`, {
      hint: dropLast ? "Choose a smaller batch size." : "Give a data set that is not empty.",
      details: { file: dataset.name },
    });
  }
  for (let start = 0; start < end; start += batchSize) {
    throwIfAborted(signal);
    yield dataset.read([...order.subarray(start, Math.min(start + batchSize, end))], signal);
  }
}

/** 0 to count - 1 in an order that the seed decides (Fisher and Yates). */
export function permutation(count: number, seed: number): Uint32Array {
  const random = seededRandom(seed, "permutation");
  const order = inOrder(count);
  for (let last = count - 1; last > 0; last--) {
    const other = random.int(0, last + 1);
    const kept = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = kept;
  }
  return order;
}

const inOrder = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, index) => index);

/** @throws UsageError unless `value` is a positive integer; `what` says what it should be */
export function requireCount(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`${value} is not ${what}.`);
}

/** @throws UsageError for an index that is none of the data set's */
export function checkIndices({ name, size }: Pick<Dataset, "name" | "size">, indices: readonly number[]): void {
  const wrong = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= size);
  if (wrong === undefined) return;
  throw new UsageError(`${name}: there is no sample ${wrong}; there are ${size}, counted from 0.`, {
    details: { file: name },
  });
}

/** The field of that name. @throws UsageError where there is none */
export function fieldOf(dataset: Dataset, name: string): Field {
  const field = dataset.fields.find((one) => one.name === name);
  if (field) return field;
  throw new UsageError(
    `${dataset.name}: there is no field "${name}". There are ${dataset.fields.map((one) => one.name).join(", ")}.`,
    { details: { file: dataset.name } },
  );
}
