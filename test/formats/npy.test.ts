import { array, assert, constantFrom, integer, property, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError, UnsupportedError, UsageError } from "../../src/base/errors.ts";
import { readNpy, writeNpy, type NpyArray } from "../../src/formats/npy.ts";
import { openNpy } from "../../src/formats/npy-header.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";

function file(header: string, data: Uint8Array = new Uint8Array(), version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const head = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.of(0x93, ...new TextEncoder().encode("NUMPY"), version, 0, ...head, ...text, ...data);
}

const header = (descr: string, shape: string, order = "False"): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

// numpy.save of numpy.arange(6, dtype="<f4").reshape(2, 3), NumPy 2.4
const fromNumpy = Uint8Array.from(
  Buffer.from(
    "934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c20277368617065" +
      "273a2028322c2033292c207d" +
      "20".repeat(58) +
      "0a000000000000803f0000004000004040000080400000a040",
    "hex",
  ),
);

describe("readNpy", () => {
  test("reads a file of NumPy's own", () => {
    expect(readNpy(fromNumpy)).toEqual({ dtype: "f32", dims: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
  });

  test("owns its elements, from a Node Buffer too", () => {
    const pooled = Buffer.from(fromNumpy);
    const read = readNpy(pooled);
    pooled.fill(0);
    expect(read.data).toEqual(Float32Array.of(0, 1, 2, 3, 4, 5));
  });

  test("version 2, scalars, zero-sized arrays, other key order and quotes", () => {
    expect(readNpy(file(header("<i8", "()"), Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0), 2))).toEqual({
      dtype: "i64",
      dims: [],
      data: BigInt64Array.of(5n),
    });
    expect(readNpy(file(header("<f8", "(3, 0)")))).toEqual({ dtype: "f64", dims: [3, 0], data: new Float64Array() });
    const odd = `{"shape":(2,),"descr":"|b1","fortran_order":True}`;
    expect(readNpy(file(odd, Uint8Array.of(1, 0)))).toEqual({ dtype: "bool", dims: [2], data: Uint8Array.of(1, 0) });
  });

  // Elements as numpy.save writes them.
  test.each<[string, string, string, string, NpyArray]>([
    [
      "halves",
      "<f2",
      "(4,)",
      "003e00c0ff7b0100",
      { dtype: "f16", dims: [4], data: Float32Array.of(1.5, -2, 65504, 2 ** -24) },
    ],
    [
      "i64",
      "<i8",
      "(2,)",
      "00000000000000c00700000000000000",
      { dtype: "i64", dims: [2], data: BigInt64Array.of(-(2n ** 62n), 7n) },
    ],
    ["u64", "<u8", "(1,)", "ffffffffffffffff", { dtype: "u64", dims: [1], data: BigUint64Array.of(2n ** 64n - 1n) }],
    ["u32", "<u4", "(1,)", "ffffffff", { dtype: "u32", dims: [1], data: Uint32Array.of(2 ** 32 - 1) }],
    ["i16", "<i2", "(2,)", "fdff0900", { dtype: "i16", dims: [2], data: Int16Array.of(-3, 9) }],
    ["u16", "<u2", "(1,)", "ffff", { dtype: "u16", dims: [1], data: Uint16Array.of(65535) }],
    ["i8", "|i1", "(2,)", "807f", { dtype: "i8", dims: [2], data: Int8Array.of(-128, 127) }],
    ["big-endian i64", ">i8", "(1,)", "fffffffffffffffb", { dtype: "i64", dims: [1], data: BigInt64Array.of(-5n) }],
    ["big-endian halves", ">f2", "(1,)", "3400", { dtype: "f16", dims: [1], data: Float32Array.of(0.25) }],
  ])("reads %s", (_, descr, shape, elements, expected) => {
    expect(readNpy(file(header(descr, shape), Buffer.from(elements, "hex")))).toEqual(expected);
  });

  test("reads Fortran order, of big-endian elements too", () => {
    const floats = Buffer.from("00000000404000003f800000408000004000000040a00000", "hex");
    expect(readNpy(file(header(">f4", "(2, 3)", "True"), floats))).toEqual({
      dtype: "f32",
      dims: [2, 3],
      data: Float32Array.of(0, 1, 2, 3, 4, 5),
    });
    const cube = "00000c00040010000800140001000d00050011000900150002000e00060012000a00160003000f00070013000b001700";
    expect(readNpy(file(header("<i2", "(2, 3, 4)", "True"), Buffer.from(cube, "hex")))).toEqual({
      dtype: "i16",
      dims: [2, 3, 4],
      data: Int16Array.from({ length: 24 }, (_, index) => index),
    });
  });

  test("reads version 3, and only the header of a file", async () => {
    const bytes = file(header("<i2", "(3, 1)"), new Uint8Array(6), 3);
    expect(readNpy(bytes)).toEqual({ dtype: "i16", dims: [3, 1], data: new Int16Array(3) });
    expect(await openNpy(fromBytes("x.npy", bytes))).toMatchObject({ dtype: "i16", dims: [3, 1], bigEndian: false });
    await expect(openNpy(fromBytes("x.npy", bytes.subarray(0, bytes.length - 1)))).rejects.toThrow(FormatError);
  });

  test.each([
    ["another magic", new TextEncoder().encode("PK..........")],
    ["a file that ends at once", Uint8Array.of(0x93, 0x4e, 0x55)],
    ["a header beyond the end", file(header("<f4", "(1,)")).subarray(0, 30)],
    ["missing elements", file(header("<f4", "(2,)"), new Uint8Array(4))],
    ["bytes after the elements", file(header("<f4", "(1,)"), new Uint8Array(5))],
    ["a product that overflows", file(header("<f4", "(4294967296, 4294967296, 4294967296)"))],
    ["an overflow behind a zero", file(header("<f4", "(0, 4294967296, 4294967296)"))],
    ["a huge claim", file(header("<f8", "(1000000000000,)"))],
    ["a negative size", file(header("<f4", "(-1,)"))],
    ["a shape without a comma", file(header("<f4", "(1)"), new Uint8Array(4))],
    [
      "a repeated key",
      file(`{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }`, new Uint8Array(4)),
    ],
    ["a missing key", file(`{'descr': '<f4', 'shape': (1,), }`, new Uint8Array(4))],
    ["code instead of data", file(`{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,), }`)],
    ["no dict", file("[]")],
    ["33 axes", file(header("<f4", `(${"1, ".repeat(33)})`), new Uint8Array(4))],
  ])("refuses %s", (_, bytes) => {
    expect(() => readNpy(bytes)).toThrow(FormatError);
  });

  test.each([
    ["complex", file(header("<c8", "(1,)"), new Uint8Array(8))],
    ["an inherited key", file(header("constructor", "(1,)"), new Uint8Array(8))],
    ["structured", file(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }`, new Uint8Array(4))],
    ["text", file(header("<U1", "(1,)"), new Uint8Array(4))],
    ["no byte order", file(header("|f4", "(1,)"), new Uint8Array(4))],
    ["version 9", file(header("<f4", "(1,)"), new Uint8Array(4), 9)],
  ])("names as unsupported: %s", (_, bytes) => {
    expect(() => readNpy(bytes)).toThrow(UnsupportedError);
  });

  test("mutated files end in a typed error or an array that fits the file", () => {
    assert(
      property(array(integer({ min: 0, max: fromNumpy.length * 256 - 1 }), { minLength: 1, maxLength: 4 }), (edits) => {
        const bytes = fromNumpy.slice();
        for (const edit of edits) bytes[edit >> 8] = edit & 255;
        try {
          return readNpy(bytes).data.byteLength <= bytes.length;
        } catch (error) {
          return error instanceof FormatError || error instanceof UnsupportedError;
        }
      }),
      { numRuns: 1000, seed: 1 },
    );
  });
});

describe("writeNpy", () => {
  test("writes what NumPy writes", () => {
    expect(writeNpy({ dtype: "f32", dims: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) })).toEqual(fromNumpy);
  });

  test("every type survives a round trip, from an unaligned file too", () => {
    const types = constantFrom(...everyType);
    assert(
      property(types, uint8Array({ maxLength: 12 }), (dtype, values) => {
        const made = make(dtype, values);
        const shifted = new Uint8Array(writeNpy(made).length + 1);
        shifted.set(writeNpy(made), 1);
        expect(readNpy(shifted.subarray(1))).toEqual(made);
      }),
    );
  });

  test("refuses a shape that does not fit", () => {
    expect(() => writeNpy({ dtype: "u8", dims: [3], data: Uint8Array.of(1) })).toThrow(UsageError);
    expect(() => writeNpy({ dtype: "u8", dims: [-1, -1], data: Uint8Array.of(1) })).toThrow(UsageError);
  });
});

const everyType = ["f64", "f32", "f16", "i64", "u64", "i32", "u32", "i16", "u16", "i8", "u8", "bool"] as const;

function make(dtype: NpyArray["dtype"], values: Uint8Array): NpyArray {
  const dims = [values.length];
  switch (dtype) {
    case "f64":
      return { dtype, dims, data: Float64Array.from(values, (value) => value / 3) };
    case "f32":
      return { dtype, dims, data: Float32Array.from(values, (value) => value / 3) };
    case "f16":
      return { dtype, dims, data: Float32Array.from(values, (value) => value / 4) };
    case "i64":
      return { dtype, dims, data: BigInt64Array.from(Array.from(values, (value) => BigInt(value) << 40n)) };
    case "u64":
      return { dtype, dims, data: BigUint64Array.from(Array.from(values, (value) => BigInt(value) << 56n)) };
    case "i32":
      return { dtype, dims, data: Int32Array.from(values, (value) => -value) };
    case "u32":
      return { dtype, dims, data: Uint32Array.from(values, (value) => value * 2 ** 24) };
    case "i16":
      return { dtype, dims, data: Int16Array.from(values, (value) => -value * 100) };
    case "u16":
      return { dtype, dims, data: Uint16Array.from(values, (value) => value * 256) };
    case "i8":
      return { dtype, dims, data: Int8Array.from(values) };
    default:
      return { dtype, dims, data: Uint8Array.from(values, (value) => value & 1) };
  }
}
