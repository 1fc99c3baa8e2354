// Reading safetensors: what the format allows is read, what it forbids is a typed error, and nothing else happens.
import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError, WgslimError } from "../../../src/base/errors.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { layoutSafetensors } from "../../../src/formats/safetensors/layout.ts";
import { readSafetensors, readShards } from "../../../src/formats/safetensors/read.ts";
import type { SafeTensor } from "../../../src/formats/safetensors/types.ts";
import { fromBytes, toMemory } from "../../../src/formats/sources/memory.ts";
import { readTensorBytes } from "../../../src/formats/onnx/tensor-data.ts";
import { writeLayout } from "../../../src/formats/onnx/write.ts";

/** A file of this header and so many bytes of data; the header's length can be given falsely. */
function file(header: string, dataBytes = 0, length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const read = (bytes: Uint8Array) => readSafetensors(fromBytes("f.safetensors", bytes));
const entry = (dtype: string, shape: readonly number[], begin: number, end: number): string =>
  `{"dtype":"${dtype}","shape":[${shape.join()}],"data_offsets":[${begin},${end}]}`;

describe("readSafetensors", () => {
  it("reads tensors in the order of their bytes, and metadata", async () => {
    const header = `{"__metadata__":{"k":"v \\u00e9"},"b":${entry("F32", [2], 8, 16)},"a":${entry("F16", [2, 2], 0, 8)},"s":${entry("U8", [], 16, 17)},"e":${entry("I64", [0, 5], 17, 17)}}   `;
    const { tensors, metadata } = await read(file(header, 17));
    expect(tensors.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ["a", "F16", [2, 2]],
      ["b", "F32", [2]],
      ["s", "U8", []],
      ["e", "I64", [0, 5]],
    ]);
    expect(metadata).toEqual([["k", "v é"]]);
    expect(tensors[1]?.data).toMatchObject({ range: { offset: 8 + header.length + 8, length: 8 } });
  });

  it("takes elements of less than a byte that fill whole bytes", async () => {
    const header = `{"a":${entry("F4", [3, 2], 0, 3)},"b":${entry("F6_E2M3", [4], 3, 6)}}`;
    expect((await read(file(header, 6))).tensors).toHaveLength(2);
  });

  it("takes names that mean something to JavaScript", async () => {
    const header = `{"__proto__":${entry("U8", [1], 0, 1)},"constructor":${entry("U8", [1], 1, 2)}}`;
    expect((await read(file(header, 2))).tensors.map(({ name }) => name)).toEqual(["__proto__", "constructor"]);
  });

  const good = entry("F32", [2], 0, 8);
  it.each<readonly [string, Uint8Array, string]>([
    ["nothing", new Uint8Array(0), "too short"],
    ["seven bytes", new Uint8Array(7), "too short"],
    ["a huge header", file("{}", 0, 2n ** 63n), "more than 100000000"],
    ["a header just over the limit", file("{}", 0, 100_000_001n), "more than 100000000"],
    ["a header beyond the end", file("{}", 0, 3n), "a header of 3 bytes"],
    ["an empty header", file("", 8), 'does not begin with "{"'],
    ["a header that begins with a space", file(" {}"), 'does not begin with "{"'],
    ["a header that is no JSON", file("{nope}"), "JSON with"],
    ["a header that ends early", file('{"a":'), "JSON with"],
    ["something after the header's object", file("{}x"), "something after the end"],
    ["a trailing comma", file(`{"a":${good},}`, 8), "JSON with"],
    ["a control character in a name", file(`{"a\n":${good}}`, 8), "a broken string"],
    ["half a surrogate pair", file(`{"\\ud800":${good}}`, 8), "a broken string"],
    ["a size with a point", file('{"a":{"dtype":"U8","shape":[8.0],"data_offsets":[0,8]}}', 8), "a shape"],
    [
      "an offset with an exponent",
      file('{"a":{"dtype":"U8","shape":[10],"data_offsets":[0,1e1]}}', 10),
      "data_offsets",
    ],
    ["an offset with a sign", file('{"a":{"dtype":"U8","shape":[8],"data_offsets":[-0,8]}}', 8), "data_offsets"],
    ["metadata twice", file('{"__metadata__":{},"__metadata__":{}}'), "twice"],
    ["a metadata key twice", file('{"__metadata__":{"a":"1","\\u0061":"2"}}'), 'the key "a" twice'],
    ["a header padded with NULs", file("{}\0\0"), "something after the end"],
    ["an empty tensor inside another", file(`{"a":${good},"b":${entry("F32", [0], 4, 4)}}`, 8), "an overlap"],
    ["a broken escape", file(`{"\\x":${good}}`, 8), "a broken string"],
    ["deep nesting", file(`{"a":${"[".repeat(5000)}`), "nesting deeper"],
    ["a name twice", file(`{"a":${good},"a":${good}}`, 8), 'the key "a" twice'],
    ["a name twice, once escaped", file(`{"a":${good},"\\u0061":${good}}`, 8), 'the key "a" twice'],
    ["a field twice", file('{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8), "twice"],
    ["metadata that is no object", file('{"__metadata__":[]}'), "__metadata__"],
    ["metadata that is no text", file('{"__metadata__":{"a":1}}'), 'metadata "a"'],
    ["an entry that is no object", file('{"a":3}'), 'tensor "a"'],
    ["an unknown element type", file(`{"a":${entry("F33", [2], 0, 8)}}`, 8), '"F33"'],
    ["no element type", file('{"a":{"shape":[2],"data_offsets":[0,8]}}', 8), "element type"],
    ["a negative size", file(`{"a":${entry("F32", [-2], 0, 8)}}`, 8), "a shape"],
    ["a fractional size", file(`{"a":${entry("F32", [2.5], 0, 10)}}`, 10), "a shape"],
    ["a shape that is no list", file('{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}', 8), "a shape"],
    ["three offsets", file('{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2,3]}}', 3), "data_offsets"],
    ["offsets backwards", file(`{"a":${entry("F32", [2], 8, 0)}}`, 8), "data_offsets"],
    ["data past the end", file(`{"a":${entry("F32", [2], 0, 8)}}`, 7), "data up to byte 8"],
    ["a length that the shape lacks", file(`{"a":${entry("F32", [3], 0, 8)}}`, 8), "takes 12"],
    ["a shape that overflows", file(`{"a":${entry("F32", [2 ** 40, 2 ** 40], 0, 8)}}`, 8), "overflows"],
    ["a shape that overflows to zero", file(`{"a":${entry("F32", [1e300, 1e300, 0], 0, 0)}}`), "a shape"],
    ["half a byte", file(`{"a":${entry("F4", [3], 0, 1)}}`, 1), "whole bytes"],
    ["a hole at the start", file(`{"a":${entry("F32", [2], 4, 12)}}`, 12), "a hole"],
    ["a hole between", file(`{"a":${entry("F32", [2], 0, 8)},"b":${entry("U8", [1], 9, 10)}}`, 10), "a hole"],
    ["an overlap", file(`{"a":${entry("F32", [2], 0, 8)},"b":${entry("F32", [2], 4, 12)}}`, 12), "an overlap"],
    ["the same bytes twice", file(`{"a":${good},"b":${good}}`, 8), "an overlap"],
    ["bytes after the last tensor", file(`{"a":${good}}`, 9), "1 bytes after the last"],
    ["bytes without a tensor", file("{}", 4), "4 bytes after the last"],
  ])("refuses %s", async (_, bytes, text) => {
    const error: unknown = await read(bytes).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toContain(text);
    expect(String(error)).toContain("f.safetensors");
  });

  it("refuses a header that is not UTF-8", async () => {
    const bytes = file('{"ab":1}');
    bytes[10] = 0xff;
    await expect(read(bytes)).rejects.toThrow("not UTF-8");
  });

  it("answers 1,000 mutations with a model or a typed error", async () => {
    const header = `{"__metadata__":{"k":"v"},"b":${entry("F32", [2], 8, 16)},"a":${entry("F16", [2, 2], 0, 8)}}`;
    const original = file(header, 16);
    const random = seededRandom(11, "safetensors");
    let refused = 0;
    for (let round = 0; round < 1000; round++) {
      const bytes = original.slice(0, random.int(0, 4) === 0 ? random.int(0, original.length) : original.length);
      for (let flips = random.int(0, 4); flips > 0 && bytes.length > 0; flips--) {
        const at = random.int(0, Math.min(bytes.length, 8 + header.length));
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(0, 8));
      }
      const result: unknown = await read(bytes).catch((caught: unknown) => caught);
      if (!(result instanceof Error)) continue;
      refused++;
      expect(result).toBeInstanceOf(WgslimError);
    }
    expect(refused).toBeGreaterThan(500);
  });
});

describe("readShards", () => {
  const shards = {
    "one.safetensors": file(`{"a":${good()}}`, 8),
    "two.safetensors": file(`{"b":${good()},"c":${entry("U8", [1], 8, 9)}}`, 9),
  };
  function good(): string {
    return entry("F32", [2], 0, 8);
  }
  const index = (map: Record<string, string>, files: Record<string, Uint8Array> = shards) =>
    fromBytes("model.safetensors.index.json", new TextEncoder().encode(JSON.stringify({ weight_map: map })), {
      siblings: files,
    });
  const all = { a: "one.safetensors", b: "two.safetensors", c: "two.safetensors" };

  it("joins shards", async () => {
    expect((await readShards(index(all))).tensors.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  });

  it("refuses indices that disagree with their shards, or lead out of the folder", async () => {
    await expect(readShards(index({ a: "one.safetensors", b: "two.safetensors" }))).rejects.toThrow('tensor "c"');
    await expect(readShards(index({ ...all, d: "one.safetensors" }))).rejects.toThrow('tensor "d"');
    await expect(readShards(index({ ...all, a: "../one.safetensors" }))).rejects.toThrow("outside its folder");
    await expect(readShards(index({ ...all, a: "gone.safetensors" }))).rejects.toThrow(WgslimError);
    await expect(readShards(fromBytes("i", new TextEncoder().encode("{}")))).rejects.toThrow("weight_map");
    const alone = fromBytes("i", new TextEncoder().encode(JSON.stringify({ weight_map: all })));
    await expect(readShards(alone)).rejects.toThrow(UnsupportedError);
  });
});

interface PlainEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const tensor = (name: string, dtype: SafeTensor["dtype"], shape: readonly number[], bytes: number[]): SafeTensor => ({
  name,
  dtype,
  shape,
  data: { kind: "bytes", bytes: Uint8Array.from(bytes) },
});

describe("layoutSafetensors", () => {
  it("sorts by type and name, pads the header, and is read back", async () => {
    const tensors = [
      tensor("z", "U8", [3], [1, 2, 3]),
      tensor("y", "F32", [1], [4, 5, 6, 7]),
      tensor("b", "I64", [1], [1, 1, 1, 1, 2, 2, 2, 2]),
      tensor("a", "F32", [1], [8, 9, 10, 11]),
      tensor("e", "F16", [0], []),
    ];
    const sink = toMemory();
    await writeLayout(layoutSafetensors({ tensors, metadata: [["format", "pt"]] }), sink);
    await sink.commit();
    const bytes = sink.bytes();
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    // The format in its own words, without our reader.
    const { __metadata__: metadata, ...header } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(metadata).toEqual({ format: "pt" });
    let end = 0;
    for (const [name, { dtype, shape, data_offsets: range }] of Object.entries<PlainEntry>(header)) {
      expect(range[0]).toBe(end);
      [, end] = range;
      const given = tensors.find((original) => original.name === name);
      expect([dtype, shape]).toEqual([given?.dtype, given?.shape]);
      const data = bytes.subarray(8 + length + range[0], 8 + length + end);
      expect([...data]).toEqual(given?.data.kind === "bytes" ? [...given.data.bytes] : []);
    }
    expect(8 + length + end).toBe(bytes.length);
    const again = await read(bytes);
    expect(again.tensors.map(({ name }) => name)).toEqual(["b", "a", "y", "e", "z"]);
    expect(again.metadata).toEqual([["format", "pt"]]);
    for (const { name, data, shape } of again.tensors) {
      const expected = tensors.find((original) => original.name === name);
      expect([...(await readTensorBytes({ name, dataType: 2, dims: shape, data }))]).toEqual(
        expected?.data.kind === "bytes" ? [...expected.data.bytes] : [],
      );
    }
  });

  it("refuses a name twice", () => {
    const twice = [tensor("a", "U8", [1], [1]), tensor("a", "U8", [1], [2])];
    expect(() => layoutSafetensors({ tensors: twice, metadata: [] })).toThrow('named "a"');
  });
});
