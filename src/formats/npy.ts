// Reads and writes NumPy's .npy files, versions 1.0 and 2.0: magic, header length, a Python dict literal,
// raw elements. Spec: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
// The header is read by a strict grammar, never evaluated, and nothing is allocated on its word alone.
// Only what models take as inputs: little-endian f4, f8, i4, i8, u1, b1 in C order.
import { elementCount } from "../base/dtypes.ts";
import { FormatError, UnsupportedError, UsageError } from "../base/errors.ts";

export type NpyArray = { readonly dims: readonly number[] } & (
  | { readonly dtype: "f32"; readonly data: Float32Array }
  | { readonly dtype: "f64"; readonly data: Float64Array }
  | { readonly dtype: "i32"; readonly data: Int32Array }
  | { readonly dtype: "i64"; readonly data: BigInt64Array }
  | { readonly dtype: "u8" | "bool"; readonly data: Uint8Array }
);

const descriptors: Readonly<Record<string, { dtype: NpyArray["dtype"]; bytes: number }>> = {
  "<f4": { dtype: "f32", bytes: 4 },
  "<f8": { dtype: "f64", bytes: 8 },
  "<i4": { dtype: "i32", bytes: 4 },
  "<i8": { dtype: "i64", bytes: 8 },
  "|u1": { dtype: "u8", bytes: 1 },
  "|b1": { dtype: "bool", bytes: 1 },
};

const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59); // \x93NUMPY
const maxHeader = 64 * 1024;
const maxRank = 32;

/**
 * Reads a .npy file held in memory. The array owns its elements.
 * @param name for messages
 * @throws FormatError for a malformed, truncated or too long file; UnsupportedError for another element
 *   type, byte order, Fortran order or version
 */
export function readNpy(bytes: Uint8Array, name = "array.npy"): NpyArray {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`, {
      hint: "Write the file with numpy.save or with writeNpy.",
      details: { file: name },
    });
  };
  if (bytes.length < 10 || magic.some((byte, index) => bytes[index] !== byte)) fail("this is no .npy file.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(6);
  if (version !== 1 && version !== 2) {
    throw new UnsupportedError(`${name}: .npy version ${version} is not supported.`, {
      hint: "Save the array without named fields; NumPy then writes version 1.",
      details: { file: name },
    });
  }
  const headerStart = version === 1 ? 10 : 12;
  if (bytes.length < headerStart) fail("the file ends before its header.");
  const headerLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerLength > maxHeader) fail(`a header of ${headerLength} bytes is too long.`);
  const dataStart = headerStart + headerLength;
  if (dataStart > bytes.length) fail("the file ends inside its header.");
  const header = parseHeader(String.fromCharCode(...bytes.subarray(headerStart, dataStart)), fail);

  const type = Object.hasOwn(descriptors, header.descr) ? descriptors[header.descr] : undefined;
  if (!type) {
    throw new UnsupportedError(`${name}: element type "${header.descr}" is not supported.`, {
      hint: `Convert the array to one of ${Object.keys(descriptors).join(", ")} before saving it.`,
      details: { file: name },
    });
  }
  if (header.fortranOrder && header.dims.filter((dim) => dim !== 1).length > 1) {
    throw new UnsupportedError(`${name}: the array is in Fortran order.`, {
      hint: "Save numpy.ascontiguousarray(array).",
      details: { file: name },
    });
  }
  const expected = elementCount(header.dims) * type.bytes;
  const found = bytes.length - dataStart;
  if (expected !== found) fail(`the shape [${header.dims.join(", ")}] needs ${expected} bytes, the file has ${found}.`);
  // Not bytes.slice: that of Node's Buffer shares memory.
  const data = new Uint8Array(bytes.subarray(dataStart)).buffer;
  switch (type.dtype) {
    case "f32":
      return { dtype: "f32", dims: header.dims, data: new Float32Array(data) };
    case "f64":
      return { dtype: "f64", dims: header.dims, data: new Float64Array(data) };
    case "i32":
      return { dtype: "i32", dims: header.dims, data: new Int32Array(data) };
    case "i64":
      return { dtype: "i64", dims: header.dims, data: new BigInt64Array(data) };
    default:
      return { dtype: type.dtype, dims: header.dims, data: new Uint8Array(data) };
  }
}

interface Header {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly dims: readonly number[];
}

const entryPattern =
  /\s*(?:'(\w+)'|"(\w+)")\s*:\s*(?:'([^'\\\n]*)'|"([^"\\\n]*)"|(True|False)|\(([\d\s,]*)\)|\[[^\]]*\])\s*(,|(?=\}))/y;

/** Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, keys in any order, each once. */
function parseHeader(text: string, fail: (what: string) => never): Header {
  const body = text.trim();
  if (!body.startsWith("{") || !body.endsWith("}")) fail("the header is no dict.");
  let descr: string | undefined;
  let fortranOrder: boolean | undefined;
  let dims: readonly number[] | undefined;
  entryPattern.lastIndex = 1;
  while (body.slice(entryPattern.lastIndex).trim() !== "}") {
    const at = entryPattern.lastIndex;
    const match = entryPattern.exec(body);
    if (!match) return fail(`the header can't be read at "${body.slice(at, at + 20)}".`);
    const key = match[1] ?? match[2];
    const literal = match[3] ?? match[4];
    const [, , , , , truth, shape] = match;
    if (key === "descr" && descr === undefined) descr = literal ?? "structured";
    else if (key === "fortran_order" && fortranOrder === undefined && truth) fortranOrder = truth === "True";
    else if (key === "shape" && dims === undefined && shape !== undefined) dims = parseShape(shape, fail);
    else fail(`the header's entry "${key}" is wrong.`);
  }
  if (descr === undefined || fortranOrder === undefined || dims === undefined) {
    return fail("the header lacks descr, fortran_order or shape.");
  }
  return { descr, fortranOrder, dims };
}

function parseShape(text: string, fail: (what: string) => never): readonly number[] {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  if (!/^\d+\s*,(\s*\d+\s*,)*(\s*\d+\s*)?$/.test(trimmed)) fail(`the shape (${trimmed}) is no tuple of sizes.`);
  const dims = trimmed
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  if (dims.length > maxRank) fail(`the array has ${dims.length} axes.`);
  if (!Number.isSafeInteger(elementCount(dims) * 8)) fail(`the shape (${trimmed}) is too large.`);
  return dims;
}

/**
 * Writes a .npy file, version 1.0; elements start at a multiple of 64 bytes, as NumPy writes them.
 * @throws UsageError where dims and data disagree
 */
export function writeNpy(array: NpyArray): Uint8Array<ArrayBuffer> {
  const { dims, data } = array;
  if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0) || elementCount(dims) !== data.length) {
    throw new UsageError(`An array of shape [${dims.join(", ")}] can't have ${data.length} elements.`);
  }
  const descr = Object.keys(descriptors).find((key) => descriptors[key]?.dtype === array.dtype);
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(", ")})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const dataStart = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(dataStart + data.byteLength);
  bytes.set(magic);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, dataStart - 10, true);
  bytes.fill(0x20, 10, dataStart - 1);
  bytes.set(
    Array.from(text, (character) => character.charCodeAt(0)),
    10,
  );
  bytes[dataStart - 1] = 0x0a;
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), dataStart);
  return bytes;
}
