// Reads and writes NumPy's .npy files: a header (npy-header.ts), then raw elements, of either byte order, in C or
// Fortran order. Halves are held as numbers, which f32 has room for; they are written back as the same halves.
import { elementCount } from "../base/dtypes.ts";
import { UsageError } from "../base/errors.ts";
import { decodeHalf, encodeHalf } from "../base/half.ts";
import { npyCode, npyMagic, readNpyHeader, type NpyHeader, type NpyType } from "./npy-header.ts";

export type NpyArray = { readonly dims: readonly number[] } & (
  | { readonly dtype: "f64"; readonly data: Float64Array }
  | { readonly dtype: "f32" | "f16"; readonly data: Float32Array }
  | { readonly dtype: "i64"; readonly data: BigInt64Array }
  | { readonly dtype: "u64"; readonly data: BigUint64Array }
  | { readonly dtype: "i32"; readonly data: Int32Array }
  | { readonly dtype: "u32"; readonly data: Uint32Array }
  | { readonly dtype: "i16"; readonly data: Int16Array }
  | { readonly dtype: "u16"; readonly data: Uint16Array }
  | { readonly dtype: "i8"; readonly data: Int8Array }
  | { readonly dtype: "u8" | "bool"; readonly data: Uint8Array }
);

const elementBytes: Readonly<Record<NpyType, 1 | 2 | 4 | 8>> = {
  f64: 8,
  f32: 4,
  f16: 2,
  i64: 8,
  u64: 8,
  i32: 4,
  u32: 4,
  i16: 2,
  u16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
};

/** Bytes of one element in a .npy file. */
export const npyElementBytes = (dtype: NpyType): number => elementBytes[dtype];

/**
 * Reads a .npy file held in memory. The array owns its elements, in C order whatever the file's order.
 * @param name for messages
 * @throws FormatError for a malformed, truncated or too long file; UnsupportedError for another element type or version
 */
export function readNpy(bytes: Uint8Array, name = "array.npy"): NpyArray {
  const header = readNpyHeader(bytes, bytes.length, name);
  return decodeNpy(header, header.dims, bytes.subarray(header.dataStart));
}

/**
 * Decodes elements of a file: all of it, or some rows of one in C order.
 * @param raw exactly as many bytes as `dims` need
 */
export function decodeNpy(
  { dtype, bigEndian, fortranOrder }: Pick<NpyHeader, "dtype" | "bigEndian" | "fortranOrder">,
  dims: readonly number[],
  raw: Uint8Array,
): NpyArray {
  const size = elementBytes[dtype];
  // Not raw.slice(): that of Node's Buffer shares memory.
  const own = fortranOrder ? toRowMajor(raw, dims, size) : new Uint8Array(raw);
  if (bigEndian) swapBytes(own, size);
  return typedArray(dtype, [...dims], own.buffer);
}

function typedArray(dtype: NpyType, dims: readonly number[], buffer: ArrayBuffer): NpyArray {
  switch (dtype) {
    case "f64":
      return { dtype, dims, data: new Float64Array(buffer) };
    case "f32":
      return { dtype, dims, data: new Float32Array(buffer) };
    case "f16":
      return { dtype, dims, data: Float32Array.from(new Uint16Array(buffer), decodeHalf) };
    case "i64":
      return { dtype, dims, data: new BigInt64Array(buffer) };
    case "u64":
      return { dtype, dims, data: new BigUint64Array(buffer) };
    case "i32":
      return { dtype, dims, data: new Int32Array(buffer) };
    case "u32":
      return { dtype, dims, data: new Uint32Array(buffer) };
    case "i16":
      return { dtype, dims, data: new Int16Array(buffer) };
    case "u16":
      return { dtype, dims, data: new Uint16Array(buffer) };
    case "i8":
      return { dtype, dims, data: new Int8Array(buffer) };
    default:
      return { dtype, dims, data: new Uint8Array(buffer) };
  }
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size) bytes.subarray(start, start + size).reverse();
}

/** Elements with the first axis fastest, laid out with the last axis fastest. */
function toRowMajor(raw: Uint8Array, dims: readonly number[], size: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(raw.length);
  const strides: number[] = [];
  for (const [axis] of dims.entries())
    strides.push(axis === 0 ? size : (strides[axis - 1] ?? 0) * (dims[axis - 1] ?? 0));
  const index = dims.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to += size) {
    for (let byte = 0; byte < size; byte++) out[to + byte] = raw[from + byte] ?? 0;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      index[axis] = next;
      if (next < (dims[axis] ?? 0)) break;
      from -= next * (strides[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return out;
}

/**
 * Writes a .npy file, version 1.0; elements start at a multiple of 64 bytes, as NumPy writes them.
 * @throws UsageError where dims and data disagree
 */
export function writeNpy(array: NpyArray): Uint8Array<ArrayBuffer> {
  const { dims, data, dtype } = array;
  if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0) || elementCount(dims) !== data.length) {
    throw new UsageError(`An array of shape [${dims.join(", ")}] can't have ${data.length} elements.`);
  }
  const descr = `${elementBytes[dtype] === 1 ? "|" : "<"}${npyCode(dtype)}`;
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(", ")})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const dataStart = Math.ceil((10 + text.length + 1) / 64) * 64;
  const stored = dtype === "f16" ? Uint16Array.from(data, encodeHalf) : data;
  const bytes = new Uint8Array(dataStart + stored.byteLength);
  bytes.set(npyMagic);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, dataStart - 10, true);
  bytes.fill(0x20, 10, dataStart - 1);
  bytes.set(
    Array.from(text, (character) => character.charCodeAt(0)),
    10,
  );
  bytes[dataStart - 1] = 0x0a;
  bytes.set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), dataStart);
  return bytes;
}
