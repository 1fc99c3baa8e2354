import { assert, integer, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { AbortedError, FormatError, UsageError } from "../../src/base/errors.ts";
import { fromArrays } from "../../src/data/arrays.ts";
import { batches, permutation, type Batch, type Dataset } from "../../src/data/dataset.ts";
import { feedsOf, matchFields } from "../../src/data/feeds.ts";
import { batchesFrom, syntheticBatches, type TensorLike } from "../../src/data/streams.ts";
import { labelsOf, split, subset } from "../../src/data/subsets.ts";
import { tokenWindows } from "../../src/data/token-windows.ts";
import type { InputSpec } from "../../src/evaluate/tensors.ts";

/** `count` samples whose number is their value; every tenth is of class 1. */
function numbered(count: number): Dataset {
  const numbers = Array.from({ length: count }, (_, index) => index);
  return fromArrays(
    "numbers",
    [
      ["x", { dtype: "f32", dims: [count, 1], data: Float32Array.from(numbers) }],
      ["y", { dtype: "u8", dims: [count], data: Uint8Array.from(numbers, (index) => (index % 10 === 0 ? 1 : 0)) }],
    ],
    { labelField: "y" },
  );
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const values = (list: readonly Batch[], field = "x"): number[][] =>
  list.map((batch) => [...(batch.get(field)?.data ?? [])]);

const shuffled = async (shuffle: number) =>
  values(await all(batches(numbered(50), { batchSize: 8, shuffle, limit: 20 })));

describe("batches", () => {
  test("the last may be smaller, or is left out", async () => {
    expect(values(await all(batches(numbered(5), { batchSize: 2 })))).toEqual([[0, 1], [2, 3], [4]]);
    expect(values(await all(batches(numbered(5), { batchSize: 2, dropLast: true })))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    const [first] = await all(batches(numbered(5), { batchSize: 2 }));
    expect(first?.get("x")?.dims).toEqual([2, 1]);
    expect(first?.get("y")).toMatchObject({ dtype: "u8", dims: [2] });
  });

  test("shuffles by seed before it limits", async () => {
    const once = await shuffled(3);
    expect(await shuffled(3)).toEqual(once);
    expect(await shuffled(4)).not.toEqual(once);
    expect(new Set(once.flat()).size).toBe(20);
    expect(Math.max(...once.flat())).toBeGreaterThan(20);
    expect(once.map((batch) => batch.length)).toEqual([8, 8, 4]);
  });

  test("refuses sizes that are none, emptiness, and stops by signal", async () => {
    for (const options of [{ batchSize: 0 }, { limit: 0 }, { batchSize: 1.5 }, { batchSize: 6, dropLast: true }]) {
      await expect(all(batches(numbered(5), options))).rejects.toThrow(UsageError);
    }
    await expect(all(batches(numbered(0)))).rejects.toThrow(UsageError);
    await expect(all(batches(numbered(5), { signal: AbortSignal.abort() }))).rejects.toThrow(AbortedError);
    await expect(numbered(5).read([5])).rejects.toThrow(/numbers: there is no sample 5/);
  });

  test("a permutation holds every index once", () => {
    assert(
      property(integer({ min: 0, max: 200 }), integer(), (count, seed) => {
        expect([...permutation(count, seed)].toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: count }, (_, i) => i),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe("split", () => {
  test("keeps every class's share, and every sample goes somewhere once", async () => {
    const data = numbered(100);
    const parts = await split(data, { train: 0.7, test: 0.3 }, { seed: 2 });
    const [train, held] = [await labelsOf(parts.train), await labelsOf(parts.test)];
    expect([train.length, held.length]).toEqual([70, 30]);
    expect([train, held].map((labels) => labels.filter((label) => label === 1).length)).toEqual([7, 3]);
    const samples = [...(await all(batches(parts.train))), ...(await all(batches(parts.test)))];
    expect(
      values(samples)
        .flat()
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 100 }, (_, i) => i));
    // Classes do not come one after the other.
    expect([...train]).not.toEqual([...train].toSorted((a, b) => a - b));
  });

  test("repeats by seed, shares are relative, and stratifying can be left", async () => {
    const read = async (seed: number) =>
      values(await all(batches((await split(numbered(40), { a: 1, b: 3 }, { seed })).a)));
    expect(await read(5)).toEqual(await read(5));
    expect(await read(5)).not.toEqual(await read(6));
    expect(await read(5)).toHaveLength(10);
    expect((await split(numbered(40), { a: 1, b: 1 }, { stratify: false })).b.size).toBe(20);
  });

  test("refuses shares that are none, empty parts, and labels that are missing", async () => {
    await expect(split(numbered(4), { a: 0, b: 1 })).rejects.toThrow(UsageError);
    await expect(split(numbered(4), { a: Number.NaN })).rejects.toThrow(UsageError);
    await expect(split(numbered(4), { a: 1, b: 1000 })).rejects.toThrow(/"a" would get none/);
    const plain = fromArrays("plain", [["x", { dtype: "f32", dims: [4], data: new Float32Array(4) }]]);
    await expect(split(plain, { a: 1, b: 1 }, { stratify: true })).rejects.toThrow(UsageError);
    expect((await split(plain, { a: 1, b: 1 })).a.size).toBe(2);
    const odd = fromArrays("odd", [["y", { dtype: "f32", dims: [1], data: Float32Array.of(0.5) }]], {
      labelField: "y",
    });
    await expect(labelsOf(odd)).rejects.toThrow(FormatError);
  });

  test("a subset of a subset", async () => {
    const part = subset(subset(numbered(10), [9, 7, 5, 3]), [3, 0]);
    expect(values(await all(batches(part, { batchSize: 2 })))).toEqual([[3, 9]]);
    await expect(part.read([2])).rejects.toThrow(UsageError);
    expect(() => subset(part, [2])).toThrow(UsageError);
  });
});

describe("tokenWindows", () => {
  const tokens = { dims: [10], data: BigInt64Array.from(Array.from({ length: 10 }, (_, index) => BigInt(index))) };

  test("windows side by side, or overlapping", async () => {
    expect(values(await all(batches(tokenWindows("t", tokens, { length: 4 }))), "input_ids")).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    const overlapping = tokenWindows("t", tokens, { length: 4, stride: 3, field: "ids" });
    expect(values(await all(batches(overlapping)), "ids").at(-1)).toEqual([6, 7, 8, 9]);
    expect(overlapping.size).toBe(3);
  });

  test("refuses what is no row of tokens", async () => {
    expect(() => tokenWindows("t", tokens, { length: 11 })).toThrow(UsageError);
    expect(() => tokenWindows("t", { ...tokens, dims: [2, 5] }, { length: 2 })).toThrow(UsageError);
    expect(() => tokenWindows("t", tokens, { length: 2, stride: 0 })).toThrow(UsageError);
    const wrong = tokenWindows("t", { dims: [2], data: Float32Array.of(1, -1) }, { length: 2 });
    await expect(wrong.read([0])).rejects.toThrow(/-1 at 1 is no token/);
  });
});

describe("batchesFrom", () => {
  const good: Record<string, TensorLike> = {
    x: { dims: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    ids: { dims: [3], data: BigInt64Array.of(7n, 8n, 9n) },
  };

  test("takes typed arrays and lists, and cuts at the limit", async () => {
    const list = await all(batchesFrom([good, good], { limit: 4 }));
    expect(list.map((batch) => batch.get("x")?.dims)).toEqual([
      [3, 2],
      [1, 2],
    ]);
    expect(list[1]?.get("ids")).toEqual({ name: "ids", dtype: "i64", dims: [1], data: Float64Array.of(7) });
    const [plain] = await all(
      batchesFrom([{ x: { dims: [1, 2], data: [1, 2] }, y: { dims: [1], data: [3], dtype: "i64" } }]),
    );
    expect(plain?.get("x")?.dtype).toBe("f32");
    expect(plain?.get("y")?.dtype).toBe("i64");
    expect(await all(batchesFrom([]))).toEqual([]);
  });

  test.each<[string, Record<string, TensorLike>]>([
    ["a missing field", { x: { dims: [1, 2], data: [1, 2] } }],
    ["another number of samples", { ...good, ids: { dims: [2], data: [1, 2] } }],
    ["a shape that does not fit", { ...good, ids: { dims: [3], data: [1, 2] } }],
    ["NaN", { ...good, ids: { dims: [3], data: [1, Number.NaN, 2] } }],
    ["an integer beyond 2^53", { ...good, ids: { dims: [3], data: [1n, 2n ** 60n, 2n] } }],
    ["no batch axis", { ids: { dims: [], data: [1] }, x: { dims: [], data: [1] } }],
    ["no samples", { ids: { dims: [0], data: [] }, x: { dims: [0, 2], data: [] } }],
  ])("names the batch with %s", async (_, bad) => {
    await expect(all(batchesFrom([good, bad], { name: "loader" }))).rejects.toThrow(/^loader, batch 2: /);
    await expect(all(batchesFrom([good, bad]))).rejects.toThrow(FormatError);
  });
});

describe("syntheticBatches", () => {
  const specs: InputSpec[] = [{ name: "x", dtype: "f32", dims: ["batch", 3] }];

  test("repeats by seed, each batch another, and warns", () => {
    const { batches: made, warnings, content } = syntheticBatches(specs, { count: 3, seed: 4, dims: { batch: 2 } });
    const list = [...made];
    expect(list.map((batch) => batch.get("x")?.dims)).toEqual([
      [2, 3],
      [2, 3],
      [2, 3],
    ]);
    expect(new Set(list.map((batch) => batch.get("x")?.data.join())).size).toBe(3);
    expect([...made]).toEqual(list);
    expect(content).toEqual({ x: "normal" });
    expect(warnings[0]).toContain("made up (x: normal)");
    expect(() => syntheticBatches(specs, { count: 0 })).toThrow(UsageError);
  });
});

describe("feeds", () => {
  const data = numbered(3);
  const spec: InputSpec = { name: "image", dtype: "f32", dims: ["n", 1] };

  test("by name, by hand, or because only one is left", async () => {
    expect(matchFields([spec], data).get("image")?.name).toBe("x");
    expect(matchFields([{ ...spec, name: "y" }], data).get("y")?.name).toBe("y");
    expect(matchFields([spec], data, { image: "y" }).get("image")?.name).toBe("y");
    const batch = await data.read([2, 0]);
    expect(feedsOf(batch, [spec], matchFields([spec], data), data.name)).toEqual([
      { name: "image", dtype: "f32", dims: [2, 1], data: Float64Array.of(2, 0) },
    ]);
  });

  test("says what does not fit", async () => {
    const two = [spec, { ...spec, name: "other" }];
    expect(() => matchFields(two, data)).toThrow(/no field is named like the input "image"/);
    expect(() => matchFields([spec], data, { image: "z" })).toThrow(/no field "z"/);
    expect(() => matchFields([spec], data, { z: "x" })).toThrow(/no input "z"/);
    const batch = await data.read([0, 1]);
    const fixed: InputSpec = { ...spec, dims: [1, 1] };
    expect(() => feedsOf(batch, [fixed], matchFields([fixed], data), "numbers")).toThrow(/takes \[1, 1\]/);
    expect(() => feedsOf(batch, [spec], new Map(), "numbers")).toThrow(/nothing feeds/);
  });
});
