// Columns that grow row by row, as text formats give them, and the data set that they make. Numbers are held as f64;
// rows of one column have one shape, unless it is padded along the first axis.
import { elementCount } from "../base/dtypes.ts";
import { UsageError } from "../base/errors.ts";
import { NumberList } from "../base/number-list.ts";
import type { InputTensor, InputType } from "../evaluate/tensors.ts";
import { requireLabelField, type LabelledOptions } from "./arrays.ts";
import { checkIndices, type Dataset, type Field } from "./dataset.ts";

export interface Padding {
  /** What stands after a short row. */
  readonly value: number;
  /** Length that all rows get; default: that of the longest of a batch. */
  readonly length?: number;
}

/** Says what is wrong with a row; the caller names file and line. */
type Fail = (what: string) => never;

const shape = (dims: readonly number[]): string => `[${dims.join(", ")}]`;

/** One field of all rows. */
export class Column {
  readonly name: string;
  readonly #padding: Padding | undefined;
  readonly #values = new NumberList();
  /** Where each row begins, and where the last ends. */
  readonly #starts = new NumberList();
  #dims: readonly number[] | undefined;
  #isInteger = true;

  constructor(name: string, padding?: Padding) {
    this.name = name;
    this.#padding = padding;
    this.#starts.push(0);
  }

  push(dims: readonly number[], values: ArrayLike<number>, fail: Fail): void {
    this.#dims ??= dims;
    const [from, wanted] = this.#padding ? [1, this.#dims.slice(1)] : [0, this.#dims];
    if (dims.length !== this.#dims.length || dims.slice(from).some((dim, axis) => dim !== wanted[axis])) {
      fail(`"${this.name}" is ${shape(dims)} here and ${shape(this.#dims)} before.`);
    }
    if (this.#padding && dims.length === 0) fail(`"${this.name}" is one number, which can't be padded.`);
    const most = this.#padding?.length;
    if (most !== undefined && (dims[0] ?? 0) > most)
      fail(`"${this.name}" has ${dims[0]} entries, more than the length ${most}.`);
    for (let index = 0; index < values.length; index++) {
      const value = values[index] ?? 0;
      if (!Number.isFinite(value)) fail(`"${this.name}" holds ${value}.`);
      this.#isInteger &&= Number.isSafeInteger(value);
    }
    this.#values.append(values);
    this.#starts.push(this.#values.length);
  }

  field(): Field {
    const dims = this.#dims ?? [];
    const dtype = this.#isInteger ? "i64" : "f32";
    return { name: this.name, dtype, dims: this.#padding ? [this.#padding.length, ...dims.slice(1)] : dims };
  }

  read(indices: readonly number[]): InputTensor {
    const { dtype } = this.field();
    const [values, starts] = [this.#values.values(), this.#starts.values()];
    const inner = (this.#dims ?? []).slice(1);
    const rows = indices.map((index) => values.subarray(starts[index], starts[index + 1]));
    const longest = rows.reduce((most, row) => Math.max(most, row.length), 0) / Math.max(1, elementCount(inner));
    const dims = this.#padding ? [this.#padding.length ?? longest, ...inner] : (this.#dims ?? []);
    const size = elementCount(dims);
    const data = new (dtype === "i64" ? Float64Array : Float32Array)(rows.length * size);
    if (this.#padding) data.fill(this.#padding.value);
    for (const [at, row] of rows.entries()) data.set(row, at * size);
    return { name: this.name, dtype: dtype satisfies InputType, dims: [rows.length, ...dims], data };
  }
}

/** Class indices of labels that are words: the words in order of their code units, so files agree on them. */
export class LabelColumn {
  readonly #words: string[] = [];
  /** Whether every word is a class index already. */
  #areIndices = true;

  get length(): number {
    return this.#words.length;
  }

  push(word: string): void {
    this.#words.push(word);
    this.#areIndices &&= /^\d{1,9}$/.test(word);
  }

  /** Numbers stay as they are; words are numbered, or looked up in `given`. @throws what `fail` throws */
  finish(
    given: readonly string[] | undefined,
    fail: (row: number, what: string) => never,
  ): { labels: number[]; classNames?: readonly string[] } {
    if (this.#areIndices && !given) return { labels: this.#words.map(Number) };
    // Not localeCompare: the order must be the same everywhere.
    const classNames = given ?? [...new Set(this.#words)].toSorted((a, b) => (a < b ? -1 : 1));
    const indexOf = new Map(classNames.map((name, index) => [name, index]));
    const labels = this.#words.map(
      (word, row) =>
        indexOf.get(word) ?? fail(row, `"${word}" is none of the classes ${classNames.slice(0, 10).join(", ")}.`),
    );
    return { labels, classNames };
  }
}

export interface ColumnsOptions extends LabelledOptions {
  readonly classNames?: readonly string[];
}

/**
 * Columns of equally many rows as a data set.
 * @throws UsageError where the label field is missing or not one number a row
 */
export function fromColumns(
  name: string,
  size: number,
  columns: readonly Column[],
  { labelField, classNames }: ColumnsOptions = {},
): Dataset {
  const fields = columns.map((column) => column.field());
  if (new Set(fields.map((field) => field.name)).size < fields.length) {
    throw new UsageError(`${name}: two fields have the same name.`, { details: { file: name } });
  }
  requireLabelField(name, fields, labelField);
  return {
    name,
    size,
    fields,
    ...(labelField !== undefined && { labelField }),
    ...(classNames && { classNames }),
    async read(indices) {
      checkIndices({ name, size }, indices);
      return new Map(columns.map((column) => [column.name, column.read(indices)]));
    },
  };
}
