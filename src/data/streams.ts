// Batches that come one after another and not by index: from the caller's own iterable, or made up by seed.
import { elementCount } from "../base/dtypes.ts";
import { FormatError, throwIfAborted } from "../base/errors.ts";
import { makeInputs, type InputOptions } from "../evaluate/inputs.ts";
import type { InputSpec, InputTensor, InputType } from "../evaluate/tensors.ts";
import { requireCount, type Batch } from "./dataset.ts";

/** A tensor as callers have them; integers of 64 bits may be bigint. */
export interface TensorLike {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
  /** Default: by the array's type, f32 for plain lists. */
  readonly dtype?: InputType;
}

export interface StreamOptions {
  /** For messages; default "the data". */
  readonly name?: string;
  /** At most so many samples; the last batch is cut. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/**
 * Checks batches as they come from the caller.
 * @throws FormatError naming the batch and field where data does not fit dims, fields differ from the first batch's,
 *   the first axes differ, or a number is NaN, infinite or beyond 2^53; UsageError for a limit that is none
 * @example for await (const batch of batchesFrom(myLoader(), { limit: 128 })) …
 */
export async function* batchesFrom(
  source: AsyncIterable<Readonly<Record<string, TensorLike>>> | Iterable<Readonly<Record<string, TensorLike>>>,
  { name = "the data", limit, signal }: StreamOptions = {},
): AsyncGenerator<Batch, void, undefined> {
  if (limit !== undefined) requireCount(limit, "a number of samples");
  let left = limit ?? Number.POSITIVE_INFINITY;
  let [number, fields] = [0, ""];
  for await (const record of source) {
    throwIfAborted(signal);
    number++;
    const fail = (what: string): never => {
      throw new FormatError(`${name}, batch ${number}: ${what}`, { details: { file: name, batch: number } });
    };
    const entries = Object.entries(record);
    const names = entries
      .map(([field]) => field)
      .toSorted()
      .join(", ");
    if (number === 1) fields = names;
    if (names === "" || names !== fields)
      fail(`it holds ${names || "nothing"}, the first batch ${fields || "nothing"}.`);
    const samples = entries[0]?.[1].dims[0] ?? 0;
    const count = Math.min(samples, left);
    if (count === 0) fail("there is no sample in it: the first axis counts samples.");
    yield new Map(entries.map(([field, tensor]) => [field, cut(field, tensor, samples, count, fail)]));
    left -= count;
    if (left === 0) return;
  }
}

function cut(
  field: string,
  tensor: TensorLike,
  samples: number,
  count: number,
  fail: (what: string) => never,
): InputTensor {
  const { dims, data, dtype = typeOf(data) } = tensor;
  if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0) || elementCount(dims) !== data.length) {
    fail(`"${field}" of shape [${dims.join(", ")}] can't have ${data.length} elements.`);
  }
  if (dims[0] !== samples) fail(`"${field}" has ${dims[0] ?? "no"} samples, another field ${samples}.`);
  const length = (data.length / samples) * count;
  const numbers = dtype === "f32" || dtype === "f16" ? new Float32Array(length) : new Float64Array(length);
  for (let index = 0; index < length; index++) {
    const value = Number(data[index]);
    if (!Number.isFinite(value)) fail(`"${field}" holds ${value} at ${index}.`);
    if (typeof data[index] === "bigint" && !Number.isSafeInteger(value))
      fail(`"${field}" holds ${data[index]}, beyond 2^53.`);
    numbers[index] = value;
  }
  return { name: field, dtype, dims: [count, ...dims.slice(1)], data: numbers };
}

const typeNames: readonly (readonly [string, InputType])[] = [
  ["Float64Array", "f64"],
  ["BigInt64Array", "i64"],
  ["BigUint64Array", "u64"],
  ["Int32Array", "i32"],
  ["Uint32Array", "u32"],
  ["Int16Array", "i16"],
  ["Uint16Array", "u16"],
  ["Int8Array", "i8"],
  ["Uint8Array", "u8"],
  ["Uint8ClampedArray", "u8"],
];

/** By the name that every typed array carries, so that arrays of another realm count too. */
function typeOf(data: TensorLike["data"]): InputType {
  const name = Object.prototype.toString.call(data).slice(8, -1);
  return typeNames.find(([type]) => type === name)?.[1] ?? "f32";
}

export interface SyntheticOptions extends InputOptions {
  /** Batches to make, each under the next seed; default 8. */
  readonly count?: number;
}

export interface SyntheticBatches {
  readonly batches: Iterable<Batch>;
  /** What the values are, by input. */
  readonly content: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/**
 * Inputs made up by seed, for where there is no data: good for speed and for errors, poor for ranges of activations.
 * @throws UsageError as `makeInputs` does, and for a count that is none
 */
export function syntheticBatches(specs: readonly InputSpec[], options: SyntheticOptions = {}): SyntheticBatches {
  const { count = 8, seed = 1 } = options;
  requireCount(count, "a number of batches");
  const make = (index: number) => makeInputs(specs, { ...options, seed: seed + index });
  const content = make(0).map((input) => [input.name, input.content] as const);
  return {
    batches: {
      *[Symbol.iterator]() {
        for (let index = 0; index < count; index++) {
          yield new Map(make(index).map(({ name, dtype, dims, data }) => [name, { name, dtype, dims, data }]));
        }
      },
    },
    content: Object.fromEntries(content),
    warnings: [
      `The inputs are made up (${content.map(([name, what]) => `${name}: ${what}`).join("; ")}): ranges and figures from ` +
        "them say little about real data. Give real inputs where you have them.",
    ],
  };
}
