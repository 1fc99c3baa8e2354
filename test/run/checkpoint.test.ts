// The checkpoint's log in memory and in a file: whole entries survive, anything else is cut off or refused.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { FormatError, IoError, UsageError } from "../../src/base/errors.ts";
import { crc32 } from "../../src/base/checksum.ts";
import { fileCheckpoint } from "../../src/node-checkpoint.ts";
import { planUnits } from "../../src/plan/plan-units.ts";
import { runPlan } from "../../src/run/run-plan.ts";
import { copyUnit, testProfile } from "../support/plan-units.ts";
import { cpuBackend, recordingIo } from "../support/run-plans.ts";
import { CheckpointLog, memoryCheckpoint } from "../../src/run/checkpoint.ts";
import { blobCheckpoint } from "../../src/web-checkpoint.ts";
import type { CheckpointEntry, CheckpointStore } from "../../src/run/checkpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "wgslim-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const stores: [string, () => CheckpointStore][] = [
  ["memory", memoryCheckpoint],
  ["Blob", () => blobCheckpoint()],
  ["file", () => fileCheckpoint(join(folder, `${files++}.ckpt`))],
];

const plan = "ab".repeat(32);
const entry = (unit: string, size: number): CheckpointEntry => ({
  unit,
  source: `of ${unit}`,
  results: new Map([
    ["codes", Uint8Array.from({ length: size }, (_, at) => at * 7)],
    ["scales", Uint8Array.of(1, 2, 3)],
    ["none", new Uint8Array(0)],
  ]),
});
const entries = [entry("a", 100), entry("blk.0 → ü", 0), entry("c", 1000)];

async function load(store: CheckpointStore, fingerprint = plan): Promise<CheckpointEntry[]> {
  const log = await CheckpointLog.open(store, fingerprint);
  const found: CheckpointEntry[] = [];
  for await (const each of log.entries()) found.push(each);
  return found;
}

async function filled(store: CheckpointStore): Promise<{ bytes: Uint8Array; ends: number[] }> {
  const log = await CheckpointLog.open(store, plan);
  const ends = [await store.size()];
  for (const each of entries) {
    await log.append(each);
    ends.push(await store.size());
  }
  return { bytes: await store.read(0, await store.size()), ends };
}

it("crc32 is the one of zip", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  expect(crc32(new TextEncoder().encode("6789"), crc32(new TextEncoder().encode("12345")))).toBe(0xcbf43926);
});

describe.each(stores)("a checkpoint in %s", (_, make) => {
  it("gives back what was put in", async () => {
    const store = make();
    expect(await load(store)).toEqual([]);
    await filled(store);
    expect(await load(store)).toEqual(entries);
    expect(await load(store)).toEqual(entries);
    await store.clear();
    expect(await store.size()).toBe(0);
    expect(await load(store, "cd".repeat(32))).toEqual([]);
  });

  it("refuses another plan's log and leaves it alone", async () => {
    const store = make();
    const { bytes } = await filled(store);
    await expect(load(store, "cd".repeat(32))).rejects.toBeInstanceOf(UsageError);
    expect(await store.read(0, await store.size())).toEqual(bytes);
  });

  it("goes on after a torn entry has been cut off", async () => {
    const store = make();
    const { ends } = await filled(store);
    await store.truncate((ends[2] ?? 0) + 20);
    expect(await load(store)).toEqual(entries.slice(0, 2));
    const log = await CheckpointLog.open(store, plan);
    await log.append(entry("d", 5));
    expect(await load(store)).toEqual([...entries.slice(0, 2), entry("d", 5)]);
  });
});

describe("damage", () => {
  it("cuts a log of any length at its last whole entry", async () => {
    const whole = memoryCheckpoint();
    const { bytes, ends } = await filled(whole);
    for (let length = 0; length < bytes.length; length += length < 300 ? 1 : 37) {
      const store = memoryCheckpoint();
      await store.append(bytes.slice(0, length));
      const kept = ends.filter((end) => end <= length).length - 1;
      expect(await load(store)).toEqual(entries.slice(0, Math.max(0, kept)));
      expect(await store.size()).toBe(ends[Math.max(0, kept)]);
    }
  });

  it("never gives a damaged entry, whichever byte is hit", async () => {
    const whole = memoryCheckpoint();
    const { bytes, ends } = await filled(whole);
    for (let at = ends[0] ?? 0; at < bytes.length; at += 3) {
      const store = memoryCheckpoint();
      const broken = bytes.slice();
      broken[at] = (broken[at] ?? 0) ^ 0x10;
      await store.append(broken);
      const intact = ends.filter((end) => end <= at).length - 1;
      expect(await load(store)).toEqual(entries.slice(0, intact));
    }
  });

  it("refuses a file that is no checkpoint and does not touch it", async () => {
    const path = join(folder, "model.onnx");
    for (const text of ["x", "wgslcat", "not a checkpoint at all ".repeat(20)]) {
      writeFileSync(path, text);
      await expect(load(fileCheckpoint(path))).rejects.toBeInstanceOf(FormatError);
      expect(readFileSync(path, "utf8")).toBe(text);
    }
  });

  it("reports a folder that can't be written", async () => {
    await expect(load(fileCheckpoint(join(folder, "no", "such.ckpt")))).rejects.toBeInstanceOf(IoError);
  });

  it("removes its file when cleared, twice if need be", async () => {
    const path = join(folder, "done.ckpt");
    const store = fileCheckpoint(path);
    await filled(store);
    await store.clear();
    await store.clear();
    expect(() => statSync(path)).toThrow(/ENOENT/);
  });
});

/** Three units whose sources have the given versions. */
const runUnits = (store: CheckpointStore, versions: Readonly<Record<string, string>>, failAt?: string) => {
  const io = recordingIo({
    digest: ({ source }) => Promise.resolve(versions[source] ?? ""),
    deliver: async (unit) => {
      if (unit === failAt) throw new IoError("the disk is full");
    },
  });
  const units = ["a", "b", "c"].map((id) => copyUnit(id, 1000));
  const outcome = runPlan(planUnits(units, testProfile(), { groupBytes: 0 }), cpuBackend(), io, {
    checkpoint: store,
  });
  return { io, outcome };
};

describe("a run that resumes", () => {
  it("takes over what was made from the same sources and computes the rest again", async () => {
    const store = memoryCheckpoint();
    await expect(runUnits(store, { a: "1", b: "1", c: "1" }, "c").outcome).rejects.toThrow(/full/);
    const second = runUnits(store, { a: "2", b: "1", c: "1" }, "c");
    await expect(second.outcome).rejects.toThrow(/full/);
    expect(second.io.events).toEqual(["deliver b", "read a", "read c", "deliver a", "deliver c"]);
    // The stale entry of "a" still stands before the fresh one.
    const third = runUnits(store, { a: "2", b: "1", c: "1" });
    expect(await third.outcome).toMatchObject({ resumedUnits: 2, units: 3 });
    expect(third.io.events.toSorted()).toEqual(["deliver a", "deliver b", "deliver c", "read c"]);
    expect(third.io.results.size).toBe(3);
  });
});
