// The header of NumPy's .npy files, versions 1.0 to 3.0: magic, header length, a Python dict literal. Spec:
// numpy.org/doc/stable/reference/generated/numpy.lib.format.html
// It is read by a strict grammar, never evaluated, and nothing is allocated on its word alone.
import type { ByteSource } from "../base/bytes.ts";
import { elementCount } from "../base/dtypes.ts";
import { FormatError, UnsupportedError } from "../base/errors.ts";

/** Element types of arrays that models take or give. */
export type NpyType = "f64" | "f32" | "f16" | "i64" | "u64" | "i32" | "u32" | "i16" | "u16" | "i8" | "u8" | "bool";

/** What a header says; `dataStart` is where the elements begin. */
export interface NpyHeader {
  readonly dtype: NpyType;
  readonly bigEndian: boolean;
  /** First axis fastest; false where both orders are one. */
  readonly fortranOrder: boolean;
  readonly dims: readonly number[];
  readonly dataStart: number;
}

const types: Readonly<Record<string, NpyType>> = {
  f8: "f64",
  f4: "f32",
  f2: "f16",
  i8: "i64",
  u8: "u64",
  i4: "i32",
  u4: "u32",
  i2: "i16",
  u2: "u16",
  i1: "i8",
  u1: "u8",
  b1: "bool",
};

/** NumPy's two-character code of a type. */
export const npyCode = (dtype: NpyType): string => Object.keys(types).find((code) => types[code] === dtype) ?? "";

export const npyMagic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59); // \x93NUMPY
/** More than any header of a supported type; the longest stretch that `openNpy` reads for one. */
const maxHeader = 64 * 1024;
const maxRank = 32;

type Fail = (what: string) => never;

/** A thrower of FormatError that names the file. */
export const npyFault =
  (name: string): Fail =>
  (what) => {
    throw new FormatError(`${name}: ${what}`, {
      hint: "Write the file with numpy.save or with writeNpy.",
      details: { file: name },
    });
  };

/**
 * Reads the header from the file's first bytes.
 * @param bytes the whole file, or at least its header
 * @param size bytes of the whole file; the elements must end where it ends
 * @throws FormatError for a malformed, truncated or too long file; UnsupportedError for another element type or version
 */
export function readNpyHeader(bytes: Uint8Array, size: number, name: string): NpyHeader {
  const fail = npyFault(name);
  if (bytes.length < 10 || npyMagic.some((byte, index) => bytes[index] !== byte)) fail("this is no .npy file.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(6);
  if (version < 1 || version > 3) {
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
  // Version 3 is UTF-8; its names of fields are the only place for such letters, and named fields are refused.
  const { descr, fortranOrder, dims } = parseHeader(
    String.fromCharCode(...bytes.subarray(headerStart, dataStart)),
    fail,
  );
  const { dtype, bytesEach, bigEndian } = elementType(descr, name);
  const expected = elementCount(dims) * bytesEach;
  const found = size - dataStart;
  if (expected !== found) fail(`the shape [${dims.join(", ")}] needs ${expected} bytes, the file has ${found}.`);
  return {
    dtype,
    bigEndian,
    fortranOrder: fortranOrder && dims.filter((dim) => dim !== 1).length > 1,
    dims,
    dataStart,
  };
}

/** As `readNpyHeader`, from a file of which only the header is read. */
export async function openNpy(source: ByteSource, signal?: AbortSignal): Promise<NpyHeader> {
  const head = await source.read(0, Math.min(source.size, maxHeader + 12), signal);
  return readNpyHeader(head, source.size, source.name);
}

/** Splits "<f4" into byte order and type; the order of single bytes is whatever the file says. */
function elementType(descr: string, name: string): { dtype: NpyType; bytesEach: number; bigEndian: boolean } {
  const [order = "", code] = [descr[0], descr.slice(1)];
  const dtype = Object.hasOwn(types, code) ? types[code] : undefined;
  const bytesEach = Number(code[1]);
  if (!dtype || !"<>|".includes(order) || (order === "|" && bytesEach > 1)) {
    throw new UnsupportedError(`${name}: element type "${descr}" is not supported.`, {
      hint: `Convert the array to one of ${Object.keys(types).join(", ")} before saving it.`,
      details: { file: name },
    });
  }
  return { dtype, bytesEach, bigEndian: order === ">" && bytesEach > 1 };
}

interface Entries {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly dims: readonly number[];
}

const entryPattern =
  /\s*(?:'(\w+)'|"(\w+)")\s*:\s*(?:'([^'\\\n]*)'|"([^"\\\n]*)"|(True|False)|\(([\d\s,]*)\)|\[[^\]]*\])\s*(,|(?=\}))/y;

/** Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, keys in any order, each once. */
function parseHeader(text: string, fail: Fail): Entries {
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

function parseShape(text: string, fail: Fail): readonly number[] {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  if (!/^\d+\s*,(\s*\d+\s*,)*(\s*\d+\s*)?$/.test(trimmed)) fail(`the shape (${trimmed}) is no tuple of sizes.`);
  const dims = trimmed
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  if (dims.length > maxRank) fail(`the array has ${dims.length} axes.`);
  // Zero-sized axes hide the product of the others, so that is looked at by itself.
  if (!Number.isSafeInteger(elementCount(dims.filter((dim) => dim > 0)) * 8))
    fail(`the shape (${trimmed}) is too large.`);
  return dims;
}
