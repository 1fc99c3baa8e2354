// IDX, the format of MNIST's files: two zero bytes, a type, a rank, sizes and elements, all big-endian.
// Spec: yann.lecun.com/exdb/mnist (bottom of the page).
import { elementCount } from "../base/dtypes.ts";
import { FormatError, UnsupportedError } from "../base/errors.ts";
import { inflate, isGzip, mostInflated } from "./inflate.ts";
import { decodeNpy, npyElementBytes, type NpyArray } from "./npy.ts";
import type { NpyType } from "./npy-header.ts";

const types: Readonly<Record<number, NpyType>> = {
  0x08: "u8",
  0x09: "i8",
  0x0b: "i16",
  0x0c: "i32",
  0x0d: "f32",
  0x0e: "f64",
};

/**
 * Reads an IDX file held in memory.
 * @param name for messages
 * @throws FormatError for a malformed, truncated or too long file; UnsupportedError for an unknown element type
 */
export function readIdx(bytes: Uint8Array, name = "array.idx"): NpyArray {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, { hint: "Fetch the file again.", details: { file: name } });
  };
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) fail("this is no IDX file.");
  const [code = 0, rank = 0] = [bytes[2], bytes[3]];
  const dtype = Object.hasOwn(types, code) ? types[code] : undefined;
  if (!dtype) {
    throw new UnsupportedError(`${name}: IDX element type ${code} is unknown.`, { details: { file: name } });
  }
  const dataStart = 4 + 4 * rank;
  if (dataStart > bytes.length) fail("the file ends inside its header.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = elementCount(dims) * npyElementBytes(dtype);
  const found = bytes.length - dataStart;
  if (expected !== found) fail(`the shape [${dims.join(", ")}] needs ${expected} bytes, the file has ${found}.`);
  return decodeNpy({ dtype, bigEndian: true, fortranOrder: false }, dims, bytes.subarray(dataStart));
}

/**
 * As `readIdx`, for a file that may be packed by gzip.
 * @param maxBytes what may come out of it; default 2 GiB
 */
export async function readIdxFile(
  bytes: Uint8Array,
  name = "array.idx",
  maxBytes = 2 ** 31,
  signal?: AbortSignal,
): Promise<NpyArray> {
  if (!isGzip(bytes)) return readIdx(bytes, name);
  const most = Math.min(maxBytes, mostInflated(bytes.length));
  return readIdx(await inflate(bytes, "gzip", { name, maxBytes: most, signal }), name);
}
