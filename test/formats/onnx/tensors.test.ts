import { describe, expect, it } from "vitest";
import { FormatError, IoError, UnsupportedError } from "../../../src/base/errors.ts";
import { OnnxType, type OnnxTensor } from "../../../src/formats/onnx/ir.ts";
import { readOnnx } from "../../../src/formats/onnx/read.ts";
import { readTensorBytes } from "../../../src/formats/onnx/tensor-data.ts";
import {
  block,
  external,
  fixed32,
  fixed64,
  float32,
  float64,
  initializer,
  int,
  model,
  source,
  utf8,
  varint,
  type Bytes,
} from "./protobuf.ts";

const T = OnnxType;
const typed = { float: 4, int32: 5, string: 6, int64: 7, raw: 9, double: 10, uint64: 11 } as const;

async function readOne(
  dataType: number,
  dims: readonly number[],
  fields: readonly Bytes[],
  siblings?: Readonly<Record<string, Uint8Array>>,
): Promise<OnnxTensor> {
  const { graph } = await readOnnx(source(model(initializer("w", dataType, dims, ...fields)), siblings));
  const [tensor] = graph.initializers;
  if (!tensor) throw new Error("no initializer");
  return tensor;
}
const viewBytes = (view: ArrayBufferView): number[] => [
  ...new Uint8Array(view.buffer, view.byteOffset, view.byteLength),
];
const packedInts = (field: number, values: readonly (number | bigint)[]): Bytes =>
  block(
    field,
    values.flatMap((value) => varint(value)),
  );
const looseInts = (field: number, values: readonly (number | bigint)[]): Bytes => values.flatMap((v) => int(field, v));

/** The beginning of a length-delimited field of `size` bytes, after `before`. */
const wrap = (field: number, before: Uint8Array, size: number): Uint8Array =>
  Uint8Array.from([...before, ...varint(field * 8 + 2), ...varint(size)]);

/** A case of integer elements in one typed field, and the bytes they must become. */
const ints = (
  name: string,
  type: number,
  field: number,
  values: readonly (number | bigint)[],
  bytes: ArrayBufferView,
) => ({
  name,
  type,
  field,
  values,
  count: values.length,
  bytes: viewBytes(bytes),
});

describe("typed fields become packed little-endian bytes", () => {
  const cases = [
    ints(
      "INT32",
      T.INT32,
      typed.int32,
      [1, -2, 2147483647, -2147483648],
      Int32Array.of(1, -2, 2147483647, -2147483648),
    ),
    ints("INT16", T.INT16, typed.int32, [1, -2, 32767, -32768], Int16Array.of(1, -2, 32767, -32768)),
    ints("UINT16", T.UINT16, typed.int32, [1, 65535], Uint16Array.of(1, 65535)),
    ints("INT8", T.INT8, typed.int32, [1, -2, 127, -128], Int8Array.of(1, -2, 127, -128)),
    ints("UINT8", T.UINT8, typed.int32, [1, 255, 0], Uint8Array.of(1, 255, 0)),
    ints("BOOL", T.BOOL, typed.int32, [1, 0, 1], Uint8Array.of(1, 0, 1)),
    ints("FLOAT16 bits", T.FLOAT16, typed.int32, [0x3c00, 0xfbff], Uint16Array.of(0x3c00, 0xfbff)),
    ints("BFLOAT16 bits", T.BFLOAT16, typed.int32, [0x3f80, 0xff7f], Uint16Array.of(0x3f80, 0xff7f)),
    ints("FLOAT8E4M3FN bits", T.FLOAT8E4M3FN, typed.int32, [0x38, 0xfe], Uint8Array.of(0x38, 0xfe)),
    ints("INT64", T.INT64, typed.int64, [1n, -2n, -(2n ** 63n)], BigInt64Array.of(1n, -2n, -(2n ** 63n))),
    ints("UINT64", T.UINT64, typed.uint64, [1n, 2n ** 64n - 1n], BigUint64Array.of(1n, 2n ** 64n - 1n)),
    ints("UINT32", T.UINT32, typed.uint64, [1, 4294967295], Uint32Array.of(1, 4294967295)),
    // Three elements of four bits: two bytes, first element low, last nibble padding.
    { ...ints("INT4", T.INT4, typed.int32, [0x21, 0x03], Uint8Array.of(0x21, 0x03)), count: 3 },
    { ...ints("UINT4", T.UINT4, typed.int32, [0xfe, 0x0d], Uint8Array.of(0xfe, 0x0d)), count: 3 },
    { ...ints("UINT2", T.UINT2, typed.int32, [0xe4, 0x02], Uint8Array.of(0xe4, 0x02)), count: 5 },
  ];
  it.each(cases)("$name, packed, loose and in pieces", async ({ type, field, values, count, bytes }) => {
    const forms = [
      [packedInts(field, values)],
      [looseInts(field, values)],
      [packedInts(field, values.slice(0, 1)), looseInts(field, values.slice(1))],
      [looseInts(field, values.slice(0, 1)), packedInts(field, values.slice(1))],
    ];
    for (const form of forms) expect([...(await readTensorBytes(await readOne(type, [count], form)))]).toEqual(bytes);
  });

  it("FLOAT, DOUBLE and complex", async () => {
    const floats = [1.5, -0, 3e38];
    const expected = floats.flatMap(float32);
    for (const form of [[block(typed.float, expected)], floats.map((value) => fixed32(typed.float, value))]) {
      expect([...(await readTensorBytes(await readOne(T.FLOAT, [3], form)))]).toEqual(expected);
    }
    const doubles = [1 / 3, -2];
    for (const form of [
      [block(typed.double, doubles.flatMap(float64))],
      doubles.map((v) => fixed64(typed.double, v)),
    ]) {
      expect([...(await readTensorBytes(await readOne(T.DOUBLE, [2], form)))]).toEqual(doubles.flatMap(float64));
    }
    const complex = await readOne(T.COMPLEX64, [1], [block(typed.float, [1, 2].flatMap(float32))]);
    expect([...(await readTensorBytes(complex))]).toEqual([1, 2].flatMap(float32));
  });

  it("strings stay strings, of any bytes", async () => {
    const { data } = await readOne(T.STRING, [2, 1], [block(typed.string, utf8("ä")), block(typed.string, [255])]);
    expect(data).toEqual({ kind: "strings", values: [Uint8Array.from(utf8("ä")), Uint8Array.of(255)] });
  });

  it("zero-sized tensors and scalars", async () => {
    expect(await readTensorBytes(await readOne(T.FLOAT, [0, 2 ** 40], []))).toHaveLength(0);
    expect(await readTensorBytes(await readOne(T.FLOAT, [3, 0], [block(typed.raw)]))).toHaveLength(0);
    expect(await readTensorBytes(await readOne(T.INT8, [], [block(typed.raw, [7])]))).toEqual(Uint8Array.of(7));
    expect((await readOne(T.STRING, [0], [])).data).toEqual({ kind: "strings", values: [] });
  });

  it("long varint fields stay in the file and decode at any position", async () => {
    const count = 700_000;
    const values = Int16Array.from({ length: count }, (_, i) => ((i * 2654435761) >>> 7) & 0xffff);
    const payload = new Uint8Array(10 * count);
    let length = 0;
    for (const value of values) for (const byte of varint(value)) payload[length++] = byte;
    const head = [...int(1, count), ...int(2, T.INT16)];
    const data = payload.subarray(0, length);
    const inner = Buffer.concat([
      Uint8Array.from([...head, ...varint(42), ...varint(length)]),
      data,
      Uint8Array.from(block(8, utf8("w"))),
    ]);
    const graph = Buffer.concat([wrap(5, new Uint8Array(0), inner.length), inner]);
    const file = Buffer.concat([wrap(7, Uint8Array.from(int(1, 10)), graph.length), graph]);
    const [tensor] = (await readOnnx(source(new Uint8Array(file)))).graph.initializers;
    if (tensor?.data.kind !== "range") throw new Error("loaded");
    const { range } = tensor.data;
    const expected = new Uint8Array(values.buffer);
    expect(Buffer.compare(await range.source.read(range.offset, range.length), expected)).toBe(0);
    for (const [from, bytes] of [
      [0, 1],
      [8191, 3],
      [8192, 2],
      [999_999, 4097],
      [2 * count - 1, 1],
      [5, 0],
    ] as const) {
      expect(await range.source.read(from, bytes)).toEqual(expected.subarray(from, from + bytes));
    }
    await expect(range.source.read(2 * count - 1, 2)).rejects.toBeInstanceOf(FormatError);
  });
});

describe("tensors that contradict themselves", () => {
  const cases: readonly (readonly [string, number, readonly number[], readonly Bytes[]])[] = [
    ["a negative dim", T.FLOAT, [-1], [block(typed.raw, [0, 0, 0, 0])]],
    ["dims whose product overflows", T.FLOAT, [2 ** 30, 2 ** 30], []],
    ["dims beyond 2^53", T.FLOAT, [2 ** 60], []],
    ["too little raw data", T.FLOAT, [2], [block(typed.raw, [0, 0, 0, 0])]],
    ["too much raw data", T.FLOAT, [1], [block(typed.raw, [0, 0, 0, 0, 0])]],
    ["no data", T.FLOAT, [1], []],
    ["elements of another type's field", T.FLOAT, [1], [packedInts(typed.int64, [1])]],
    ["two data fields", T.FLOAT, [1], [block(typed.raw, [0, 0, 0, 0]), fixed32(typed.float, 1)]],
    ["an unknown type", 99, [1], [block(typed.raw, [0])]],
    ["no type", 0, [1], [block(typed.raw, [0])]],
    ["a value too large for its type", T.UINT8, [1], [packedInts(typed.int32, [256])]],
    ["a value too small for its type", T.INT8, [1], [packedInts(typed.int32, [-129])]],
    ["a varint cut short", T.INT32, [1], [block(typed.int32, [0x80])]],
    ["raw strings", T.STRING, [1], [block(typed.raw, [65])]],
    ["too few strings", T.STRING, [2], [block(typed.string, [65])]],
    ["a rank of hundreds", T.INT8, Array.from({ length: 300 }, () => 1), [block(typed.raw, [1])]],
  ];
  it.each(cases)("%s", async (_, dataType, dims, fields) => {
    await expect(readOne(dataType, dims, fields)).rejects.toThrow(FormatError);
    await expect(readOne(dataType, dims, fields)).rejects.toThrow(/^test\.onnx: .*(tensor "w"|initializer 0)/);
  });
});

describe("external data", () => {
  const data = Uint8Array.from({ length: 64 }, (_, i) => i);
  const open = (
    entries: Readonly<Record<string, string>>,
    siblings: Readonly<Record<string, Uint8Array>> = { "w.bin": data },
  ) => readOne(T.UINT8, [16], [external(entries)], siblings);

  it("is a range of the other file", async () => {
    const tensor = await open({ location: "w.bin", offset: "8", length: "16", checksum: "00" });
    expect(tensor.data).toMatchObject({ kind: "range", external: { location: "w.bin" } });
    expect(await readTensorBytes(tensor)).toEqual(data.subarray(8, 24));
    expect(await readTensorBytes(await open({ location: "./w.bin" }))).toEqual(data.subarray(0, 16));
  });

  const escapes = [
    "../w.bin",
    "a/../../w.bin",
    "/etc/passwd",
    "C:\\w.bin",
    "c:w.bin",
    "..\\w.bin",
    "a\\b",
    "file:///w.bin",
  ];
  it.each([...escapes, "https://example.org/w", "//host/w", "", ".", "a//b", "w\0.bin"])(
    "refuses the path %j",
    async (location) => {
      await expect(open({ location })).rejects.toThrow(FormatError);
      await expect(open({ location })).rejects.toThrow(/tensor "w"/);
    },
  );

  it.each([
    { offset: "49" },
    { offset: "99999999999999999999" },
    { offset: "-1" },
    { offset: "1e1" },
    { offset: "9007199254740991" },
    { length: "15" },
    { length: "17" },
    { length: "" },
  ])("refuses the range %j", async (entries) => {
    await expect(open({ location: "w.bin", ...entries })).rejects.toThrow(FormatError);
  });

  it("names the tensor and the file that is missing", async () => {
    await expect(open({ location: "none.bin" })).rejects.toThrow(IoError);
    await expect(open({ location: "none.bin" })).rejects.toThrow(/none\.bin.*tensor "w"/);
    const alone = readOne(T.UINT8, [16], [external({ location: "w.bin" })]);
    await expect(alone).rejects.toThrow(UnsupportedError);
    await expect(open({ offset: "0" })).rejects.toThrow(FormatError);
  });
});
