import { array, assert, constantFrom, integer, property, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { FormatError, UnsupportedError, UsageError } from "../../src/base/errors.ts";
import { readNpy, writeNpy, type NpyArray } from "../../src/formats/npy.ts";

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

  test.each([
    ["another magic", new TextEncoder().encode("PK..........")],
    ["a file that ends at once", Uint8Array.of(0x93, 0x4e, 0x55)],
    ["a header beyond the end", file(header("<f4", "(1,)")).subarray(0, 30)],
    ["missing elements", file(header("<f4", "(2,)"), new Uint8Array(4))],
    ["bytes after the elements", file(header("<f4", "(1,)"), new Uint8Array(5))],
    ["a product that overflows", file(header("<f4", "(4294967296, 4294967296, 4294967296)"))],
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
    ["big-endian", file(header(">f4", "(1,)"), new Uint8Array(4))],
    ["complex", file(header("<c8", "(1,)"), new Uint8Array(8))],
    ["an inherited key", file(header("constructor", "(1,)"), new Uint8Array(8))],
    ["structured", file(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }`, new Uint8Array(4))],
    ["Fortran order", file(header("<f4", "(2, 2)", "True"), new Uint8Array(16))],
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
    const types = constantFrom<NpyArray["dtype"]>("f32", "f64", "i32", "i64", "u8", "bool");
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

function make(dtype: NpyArray["dtype"], values: Uint8Array): NpyArray {
  const dims = [values.length];
  switch (dtype) {
    case "f32":
      return { dtype, dims, data: Float32Array.from(values, (value) => value / 3) };
    case "f64":
      return { dtype, dims, data: Float64Array.from(values, (value) => value / 3) };
    case "i32":
      return { dtype, dims, data: Int32Array.from(values, (value) => -value) };
    case "i64":
      return { dtype, dims, data: BigInt64Array.from(Array.from(values, (value) => BigInt(value) << 40n)) };
    default:
      return { dtype, dims, data: Uint8Array.from(values, (value) => value & 1) };
  }
}
