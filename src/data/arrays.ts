// Arrays as a data set: their first axis counts the samples. Files that hold arrays come here too: .npy, which is read
// row by row where it lies in C order, .npz and IDX, which are unpacked into memory.
import { elementCount } from "../base/dtypes.ts";
import type { ByteSource } from "../base/bytes.ts";
import { FormatError, UsageError } from "../base/errors.ts";
import type { InputTensor } from "../evaluate/tensors.ts";
import { readIdxFile } from "../formats/idx.ts";
import { decodeNpy, npyElementBytes, readNpy, type NpyArray } from "../formats/npy.ts";
import { openNpy } from "../formats/npy-header.ts";
import { readNpz, type NpzOptions } from "../formats/npz.ts";
import { checkIndices, type Batch, type Dataset, type Field } from "./dataset.ts";

export interface LabelledOptions {
  /** The field that holds one class index a sample. */
  readonly labelField?: string;
}

const wide = new Set(["f64", "i64", "u64", "i32", "u32"]);

/**
 * Numbers of an array: f32 where that holds every value of the type, else f64.
 * @throws FormatError for an integer beyond 2^53
 */
function numbersOf({ dtype, data }: NpyArray, from: number, to: number, name: string): Float32Array | Float64Array {
  if (!wide.has(dtype)) return Float32Array.from(data.subarray(from, to) as ArrayLike<number>);
  const numbers = Float64Array.from(data.subarray(from, to) as ArrayLike<number | bigint>, Number);
  const lost =
    dtype.endsWith("64") && dtype !== "f64" ? numbers.findIndex((value) => !Number.isSafeInteger(value)) : -1;
  if (lost >= 0) {
    throw new FormatError(`${name}: element ${from + lost} is ${data[from + lost]}, beyond 2^53.`, {
      details: { file: name },
    });
  }
  return numbers;
}

const asField = (name: string, { dtype, dims }: Pick<NpyArray, "dtype" | "dims">): Field => ({
  name,
  dtype,
  dims: dims.slice(1),
});

/** Rows without elements cost no bytes, so a small file may claim any number of them. */
function requireElements(what: string, dims: readonly number[]): void {
  if (dims[0] === 0 || !dims.includes(0)) return;
  throw new FormatError(`${what} of shape [${dims.join(", ")}] has no elements.`, { details: { file: what } });
}

/**
 * Arrays of equally many rows as a data set.
 * @param name for messages
 * @throws FormatError where an array has no axis or another number of rows; UsageError for a label field that is
 *   not one number a row
 */
export function fromArrays(
  name: string,
  arrays: Iterable<readonly [field: string, array: NpyArray]>,
  { labelField }: LabelledOptions = {},
): Dataset {
  const byName = new Map(arrays);
  const [first] = byName;
  if (!first) throw new FormatError(`${name}: there is no array in it.`, { details: { file: name } });
  const size = first[1].dims[0] ?? 0;
  for (const [field, { dims }] of byName) {
    if (dims.length > 0 && dims[0] === size) continue;
    throw new FormatError(
      `${name}: array "${field}" is [${dims.join(", ")}], but "${first[0]}" has ${size} rows: the first axis counts samples.`,
      { hint: "Leave out arrays that are not one row a sample.", details: { file: name, field } },
    );
  }
  for (const [field, { dims }] of byName) requireElements(`${name}: array "${field}"`, dims);
  const fields = Array.from(byName, ([field, array]) => asField(field, array));
  requireLabelField(name, fields, labelField);
  return {
    name,
    size,
    fields,
    ...(labelField !== undefined && { labelField }),
    async read(indices) {
      checkIndices({ name, size }, indices);
      const batch = new Map<string, InputTensor>();
      for (const [field, array] of byName) {
        const rowDims = array.dims.slice(1);
        const row = elementCount(rowDims);
        const data = new (wide.has(array.dtype) ? Float64Array : Float32Array)(indices.length * row);
        for (const [at, index] of indices.entries()) {
          data.set(numbersOf(array, index * row, (index + 1) * row, `${name}: array "${field}"`), at * row);
        }
        batch.set(field, { name: field, dtype: array.dtype, dims: [indices.length, ...rowDims], data });
      }
      return batch;
    },
  };
}

/** @throws UsageError where the label field is missing or not one number a sample */
export function requireLabelField(name: string, fields: readonly Field[], labelField: string | undefined): void {
  if (labelField === undefined) return;
  const field = fields.find((one) => one.name === labelField);
  if (field?.dims.every((dim) => dim === 1)) return;
  const found = field
    ? `"${labelField}" is [${field.dims.map((dim) => dim ?? "?").join(", ")}] a sample`
    : `there is no "${labelField}"`;
  throw new UsageError(`${name}: labels are one class index a sample, but ${found}.`, { details: { file: name } });
}

/**
 * A .npy file, its first axis counting samples. Only the rows that are asked for are read, unless the file is in
 * Fortran order.
 * @param field what to call the rows; default "input"
 * @throws FormatError and UnsupportedError as `readNpy` does
 */
export async function npyDataset(source: ByteSource, field = "input", signal?: AbortSignal): Promise<Dataset> {
  const { name } = source;
  const header = await openNpy(source, signal);
  const [size] = header.dims;
  if (size === undefined)
    throw new FormatError(`${name}: a single number is no data set.`, { details: { file: name } });
  requireElements(name, header.dims);
  if (header.fortranOrder) {
    return fromArrays(name, [[field, readNpy(await source.read(0, source.size, signal), name)]]);
  }
  const rowDims = header.dims.slice(1);
  const rowBytes = elementCount(rowDims) * npyElementBytes(header.dtype);
  return {
    name,
    size,
    fields: [asField(field, header)],
    async read(indices, stop) {
      checkIndices({ name, size }, indices);
      const raw = new Uint8Array(indices.length * rowBytes);
      for (let at = 0; at < indices.length;) {
        // Neighbours are read together.
        const first = indices[at] ?? 0;
        let count = 1;
        while (indices[at + count] === first + count) count++;
        raw.set(await source.read(header.dataStart + first * rowBytes, count * rowBytes, stop), at * rowBytes);
        at += count;
      }
      const array = decodeNpy(header, [indices.length, ...rowDims], raw);
      const data = numbersOf(array, 0, array.data.length, name);
      return new Map([[field, { name: field, dtype: header.dtype, dims: array.dims, data }]]) satisfies Batch;
    },
  };
}

/**
 * A .npz file: every array a field, all with equally many rows.
 * @throws FormatError and UnsupportedError as `readNpz` and `fromArrays` do
 */
export async function npzDataset(source: ByteSource, options: NpzOptions & LabelledOptions = {}): Promise<Dataset> {
  return fromArrays(source.name, await readNpz(source, options), options);
}

export interface IdxOptions {
  readonly labels?: ByteSource;
  /** What to call the pictures; default "input". */
  readonly field?: string;
  readonly signal?: AbortSignal;
}

/**
 * IDX files as MNIST has them, packed by gzip or not: pictures, and labels as the field "label".
 * @throws FormatError for malformed files, or where there are more of one than of the other
 */
export async function idxDataset(
  source: ByteSource,
  { labels, field = "input", signal }: IdxOptions = {},
): Promise<Dataset> {
  const load = async (file: ByteSource): Promise<NpyArray> =>
    readIdxFile(await file.read(0, file.size, signal), file.name, undefined, signal);
  const pictures = await load(source);
  if (!labels) return fromArrays(source.name, [[field, pictures]]);
  const named = [
    [field, pictures],
    ["label", await load(labels)],
  ] as const;
  return fromArrays(`${source.name} with ${labels.name}`, named, { labelField: "label" });
}
