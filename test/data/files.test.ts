import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { ByteSource } from "../../src/base/bytes.ts";
import { FormatError, UnsupportedError, UsageError, WgslimError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { fromArrays, idxDataset, npyDataset, npzDataset } from "../../src/data/arrays.ts";
import { csvDataset, type CsvOptions } from "../../src/data/csv.ts";
import { batches, type Dataset } from "../../src/data/dataset.ts";
import { jsonLinesDataset, type JsonLinesOptions } from "../../src/data/json-lines.ts";
import { openDataset } from "../../src/data/open-dataset.ts";
import { labelsOf } from "../../src/data/subsets.ts";
import { writeNpy, type NpyArray } from "../../src/formats/npy.ts";
import { writeNpz } from "../../src/formats/npz.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";

const text = (name: string, content: string): ByteSource => fromBytes(name, new TextEncoder().encode(content));
const csv = (content: string, options?: CsvOptions) => csvDataset(text("t.csv", content), options);
const jsonl = (content: string, options?: JsonLinesOptions) => jsonLinesDataset(text("t.jsonl", content), options);

async function everything(dataset: Dataset): Promise<Record<string, number[]>> {
  const [batch] = await collect(dataset);
  return Object.fromEntries(Array.from(batch ?? [], ([name, { data }]) => [name, [...data]]));
}

async function collect(dataset: Dataset) {
  const list = [];
  for await (const batch of batches(dataset, { batchSize: Math.max(1, dataset.size) })) list.push(batch);
  return list;
}

/** Counts what is read. */
function counted(source: ByteSource): { source: ByteSource; reads: [number, number][] } {
  const reads: [number, number][] = [];
  const read: ByteSource["read"] = (offset, length, signal) => {
    reads.push([offset, length]);
    return source.read(offset, length, signal);
  };
  return { source: { ...source, read }, reads };
}

describe("arrays", () => {
  const rows: NpyArray = { dtype: "i16", dims: [4, 2], data: Int16Array.of(1, 2, 3, 4, 5, 6, 7, 8) };

  test(".npy is read row by row, neighbours together", async () => {
    const { source, reads } = counted(fromBytes("x.npy", writeNpy(rows)));
    const data = await npyDataset(source);
    expect(data).toMatchObject({ size: 4, fields: [{ name: "input", dtype: "i16", dims: [2] }] });
    reads.length = 0;
    const batch = await data.read([3, 0, 1, 1]);
    expect([...(batch.get("input")?.data ?? [])]).toEqual([7, 8, 1, 2, 3, 4, 3, 4]);
    expect(reads).toEqual([
      [128 + 12, 4],
      [128, 8],
      [128 + 4, 4],
    ]);
  });

  test(".npy in Fortran order", async () => {
    const bytes = writeNpy({ ...rows, data: Int16Array.of(1, 3, 5, 7, 2, 4, 6, 8) });
    const patched = Buffer.from(bytes.map((byte) => byte))
      .toString("latin1")
      .replace("False, ", "True,  ");
    const data = await npyDataset(fromBytes("x.npy", Buffer.from(patched, "latin1")));
    expect([...((await data.read([2])).get("input")?.data ?? [])]).toEqual([5, 6]);
  });

  test("refuses scalars, ragged arrays, integers beyond 2^53, and labels that are none", async () => {
    const scalar: NpyArray = { dtype: "u8", dims: [], data: Uint8Array.of(1) };
    await expect(npyDataset(fromBytes("s.npy", writeNpy(scalar)))).rejects.toThrow(FormatError);
    expect(() => fromArrays("a", [])).toThrow(FormatError);
    expect(() =>
      fromArrays("a", [
        ["x", rows],
        ["y", scalar],
      ]),
    ).toThrow(/array "y" is \[\], but "x" has 4 rows/);
    const huge = fromArrays("a", [["x", { dtype: "u64", dims: [1], data: BigUint64Array.of(2n ** 60n) }]]);
    await expect(huge.read([0])).rejects.toThrow(/beyond 2\^53/);
    expect(() => fromArrays("a", [["x", rows]], { labelField: "x" })).toThrow(UsageError);
    expect(() => fromArrays("a", [["x", rows]], { labelField: "y" })).toThrow(UsageError);
  });

  test("refuses rows without elements, of which a small file may claim any number", async () => {
    const header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 0), }";
    const npy = Buffer.concat([
      Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]),
      Buffer.from(header),
    ]);
    await expect(npyDataset(fromBytes("x.npy", npy))).rejects.toThrow(FormatError);
    const idx = Uint8Array.of(0, 0, 8, 2, 255, 255, 255, 255, 0, 0, 0, 0);
    await expect(idxDataset(fromBytes("x.idx", idx))).rejects.toThrow(FormatError);
    const none: NpyArray = { dtype: "u8", dims: [0, 3], data: new Uint8Array() };
    expect((await npyDataset(fromBytes("x.npy", writeNpy(none)))).size).toBe(0);
  });

  test(".npz: every array a field", async () => {
    const label: NpyArray = { dtype: "i64", dims: [4, 1], data: BigInt64Array.of(0n, 1n, 1n, 0n) };
    const archive = fromBytes(
      "d.npz",
      await writeNpz(
        [
          ["x", rows],
          ["y", label],
        ],
        { compress: true },
      ),
    );
    const data = await npzDataset(archive, { labelField: "y" });
    expect(await everything(data)).toEqual({ x: [1, 2, 3, 4, 5, 6, 7, 8], y: [0, 1, 1, 0] });
    expect([...(await labelsOf(data))]).toEqual([0, 1, 1, 0]);
    expect((await npzDataset(archive, { only: ["x"] })).fields).toHaveLength(1);
  });

  test("IDX with labels, packed or not", async () => {
    const pictures = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40);
    const labels = fromBytes("labels", Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9));
    const data = await idxDataset(fromBytes("images.gz", new Uint8Array(gzipSync(pictures))), { labels });
    expect(await everything(data)).toEqual({ input: [10, 20, 30, 40], label: [7, 9] });
    expect(data.labelField).toBe("label");
    const three = fromBytes("labels", Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 7, 9, 1));
    await expect(idxDataset(fromBytes("images", pictures), { labels: three })).rejects.toThrow(FormatError);
  });
});

describe("csvDataset", () => {
  const iris = 'width,height,kind\n1.5,2,"setosa"\n-3e-1,.5,virginica\n0,4,setosa\n';

  test("numbers and a column of words", async () => {
    const data = await csv(iris, { labelColumn: "kind" });
    expect(await everything(data)).toEqual({ input: [1.5, 2, Math.fround(-0.3), 0.5, 0, 4], label: [0, 1, 0] });
    expect(data).toMatchObject({ size: 3, classNames: ["setosa", "virginica"], labelField: "label" });
    expect(data.fields[0]).toEqual({ name: "input", dtype: "f32", dims: [2] });
  });

  test("without a header, numbers as labels, a shape, columns left out", async () => {
    const data = await csv("9,1,2,3,4,0\n8,5,6,7,8,2\n", {
      header: false,
      labelColumn: -1,
      skip: [0],
      dims: [2, 2],
      field: "x",
      labelField: "y",
    });
    expect(await everything(data)).toEqual({ x: [1, 2, 3, 4, 5, 6, 7, 8], y: [0, 2] });
    expect(data.fields[0]?.dims).toEqual([2, 2]);
    expect(data).not.toHaveProperty("classNames");
  });

  test("given classes keep their numbers", async () => {
    const data = await csv(iris, { labelColumn: 2, classNames: ["virginica", "versicolor", "setosa"] });
    expect([...(await labelsOf(data))]).toEqual([2, 0, 2]);
    await expect(csv(iris, { labelColumn: 2, classNames: ["setosa"] })).rejects.toThrow(
      /t\.csv, line 3: the label "virginica"/,
    );
  });

  test.each<[string, string, string]>([
    ["a ragged record", "a,b\n1,2\n3\n", "t.csv, line 3: there are 1 fields, not 2."],
    ["a word", "a,b\n1,two\n", 't.csv, line 2: field 2 is "two", no number.'],
    ["an empty field", "a,b\n1,\n", 't.csv, line 2: field 2 is "", no number.'],
    ["NaN", "a\nnan\n", "t.csv, line 2"],
    ["hexadecimal", "a\n0x10\n", "t.csv, line 2"],
    ["a number that is infinite", "a\n1e999\n", "t.csv, line 2"],
    ["no record", "a,b\n", "t.csv: there is no record"],
    ["nothing", "", "t.csv: there is no record"],
  ])("refuses %s", async (_, content, message) => {
    await expect(csv(content)).rejects.toThrow(message);
    await expect(csv(content)).rejects.toThrow(FormatError);
  });

  test("refuses columns that are not there, and shapes that do not fit", async () => {
    for (const options of [
      { labelColumn: "species" },
      { labelColumn: 3 },
      { skip: [-4] },
      { dims: [5] },
      { header: false, labelColumn: "kind" },
    ]) {
      await expect(csv(iris, options)).rejects.toThrow(UsageError);
    }
    await expect(csv("a,label\n1,0\n", { labelColumn: 1, field: "label" })).rejects.toThrow(/same name/);
  });
});

describe("jsonLinesDataset", () => {
  test("nested lists, integers, truth values, words as labels", async () => {
    const data = await jsonl(
      '{"x": [[1, 2.5], [3, 4]], "n": 7, "kind": "b"}\n\n{"kind": "a", "n": true, "x": [[5, 6], [7, 8]]}\n',
      {
        labelField: "kind",
      },
    );
    expect(await everything(data)).toEqual({ x: [1, 2.5, 3, 4, 5, 6, 7, 8], n: [7, 1], kind: [1, 0] });
    expect(data.fields.map(({ name, dtype, dims }) => [name, dtype, dims])).toEqual([
      ["x", "f32", [2, 2]],
      ["n", "i64", []],
      ["kind", "i64", []],
    ]);
    expect(data.classNames).toEqual(["a", "b"]);
  });

  test("rows of different lengths are padded where that is asked for", async () => {
    const lines = '{"ids": [5]}\n{"ids": [6, 7, 8]}\n{"ids": [1, 2]}';
    const data = await jsonl(lines, { padding: { ids: { value: 0 } } });
    expect((await data.read([0, 2])).get("ids")).toMatchObject({ dims: [2, 2], data: Float64Array.of(5, 0, 1, 2) });
    expect((await data.read([1])).get("ids")?.dims).toEqual([1, 3]);
    const fixed = await jsonl(lines, { padding: { ids: { value: -1, length: 4 } } });
    expect(fixed.fields[0]?.dims).toEqual([4]);
    expect([...((await fixed.read([0])).get("ids")?.data ?? [])]).toEqual([5, -1, -1, -1]);
    await expect(jsonl(lines, { padding: { ids: { value: 0, length: 2 } } })).rejects.toThrow(
      /line 2: "ids" has 3 entries/,
    );
    await expect(jsonl(lines, { padding: { tokens: { value: 0 } } })).rejects.toThrow(UsageError);
  });

  test("no key is special", async () => {
    const data = await jsonl('{"__proto__": [1], "constructor": 2}');
    expect(data.fields.map((field) => field.name)).toEqual(["__proto__", "constructor"]);
    await expect(jsonl('{"x": 1}\n{"y": 1}', { fields: ["toString"] })).rejects.toThrow(/key "toString" is missing/);
  });

  test.each<[string, string, string]>([
    ["no JSON", '{"x": 1}\n{"x": ', "t.jsonl, line 2: this is no JSON"],
    ["no object", "[1]", "t.jsonl, line 1: this is no JSON object"],
    ["a missing key", '{"x": 1}\n{"y": 1}', 't.jsonl, line 2: the key "x" is missing'],
    ["ragged lists", '{"x": [[1, 2], [3]]}', "t.jsonl, line 1: "],
    ["another shape", '{"x": [1, 2]}\n\n{"x": [1]}', 't.jsonl, line 3: "x" is [1] here and [2] before.'],
    ["a word", '{"x": "one"}', "t.jsonl, line 1: "],
    ["null", '{"x": null}', "t.jsonl, line 1: "],
    ["infinity", '{"x": [1e999]}', 't.jsonl, line 1: "x" holds Infinity.'],
    ["lists nested too deep", `{"x": ${"[".repeat(40000)}${"]".repeat(40000)}}`, "t.jsonl, line 1: "],
    ["a shape that claims too much", '{"x": {"dims": [1000000000], "data": [1]}}', "t.jsonl, line 1: "],
    ["nothing", "\n\n", "t.jsonl: there is no line"],
  ])("refuses %s", async (_, content, message) => {
    await expect(jsonl(content)).rejects.toThrow(message);
    await expect(jsonl(content)).rejects.toThrow(FormatError);
  });

  test("labels that are none", async () => {
    for (const label of ["1.5", "-1", "null", "[1]"]) {
      await expect(jsonl(`{"x": 1, "y": ${label}}`, { labelField: "y" })).rejects.toThrow(FormatError);
    }
  });
});

test("damaged text ends in a typed error or numbers", async () => {
  const random = seededRandom(21, "text");
  const samples = ['a,b,c\n1,2,"x"\n3,4,"y"\n', '{"x": [1, 2], "y": "a"}\n{"x": [3, 4], "y": "b"}\n'];
  let refused = 0;
  for (let round = 0; round < 600; round++) {
    const bytes = new TextEncoder().encode(samples[round % 2]);
    for (let edit = random.int(1, 4); edit > 0; edit--) bytes[random.int(0, bytes.length)] = random.int(0, 256);
    const source = fromBytes("t", bytes.subarray(0, random.int(1, bytes.length + 1)));
    try {
      const data =
        round % 2 === 0
          ? await csvDataset(source, { labelColumn: -1 })
          : await jsonLinesDataset(source, { labelField: "y" });
      for (const batch of await collect(data)) {
        for (const { data: numbers } of batch.values()) expect(numbers.every(Number.isFinite)).toBe(true);
      }
    } catch (error) {
      if (!(error instanceof WgslimError)) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(200);
});

describe("openDataset", () => {
  test("goes by the name's end", async () => {
    expect((await openDataset(text("a.CSV", "a,b\n1,2\n"), { labels: "b" })).labelField).toBe("label");
    expect((await openDataset(text("a.tsv", "a\tb\n1\t2\n"))).fields[0]?.dims).toEqual([2]);
    expect((await openDataset(text("a.jsonl", '{"x": 1, "y": 0}'), { labels: "y" })).labelField).toBe("y");
    const array: NpyArray = { dtype: "u8", dims: [2], data: Uint8Array.of(1, 2) };
    expect((await openDataset(fromBytes("a.npy", writeNpy(array)), { field: "x" })).fields[0]?.name).toBe("x");
    expect((await openDataset(fromBytes("a.npz", await writeNpz([["q", array]])))).fields[0]?.name).toBe("q");
    const idx = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 5);
    for (const name of ["t10k-labels-idx1-ubyte.gz", "t10k-labels.idx1-ubyte", "labels.idx"]) {
      const bytes = name.endsWith("gz") ? new Uint8Array(gzipSync(idx)) : idx;
      expect((await openDataset(fromBytes(name, bytes), { labelSource: fromBytes("l", idx) })).size).toBe(1);
    }
    await expect(openDataset(text("a.parquet", ""))).rejects.toThrow(UnsupportedError);
  });
});
