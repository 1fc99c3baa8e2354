// Results that units keep on the device for later ones: they arrive, they count in the planned memory, and a run that
// resumes makes again what is still needed of them, and nothing else.
import { describe, expect, it } from "vitest";
import { InternalError, IoError } from "../../src/base/errors.ts";
import { copyWordsCall } from "../../src/kernels/util/copy-words.ts";
import { formatPlan } from "../../src/plan/format.ts";
import { planUnits } from "../../src/plan/plan-units.ts";
import type { Plan, WorkUnit } from "../../src/plan/types.ts";
import { memoryCheckpoint, type CheckpointStore } from "../../src/run/checkpoint.ts";
import { runPlan } from "../../src/run/run-plan.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { testDevice } from "../support/gpu.ts";
import { copyUnit, testProfile } from "../support/plan-units.ts";
import { copySpecs, cpuBackend, recordingIo, sourceByte } from "../support/run-plans.ts";

const device = testDevice();
const bytes = 4096;
const kept = "w sums";

/** Reads a piece of `source`, and keeps its copy at a place of its own. */
const keeper = (source: string, at: number): WorkUnit => ({
  ...copyUnit(source, bytes),
  downloads: [],
  keeps: [{ buffer: "b1", kept, offset: at * bytes, bytes }],
});

/** Takes all that is kept, and delivers it behind a source of its own. */
const user = (source: string, pieces: number): WorkUnit => {
  const own = copyUnit(source, bytes);
  const whole = pieces * bytes;
  return {
    ...own,
    buffers: { ...own.buffers, all: whole + 16, out: whole + 16 },
    steps: [...own.steps, { call: copyWordsCall(whole / 4 + 4), bindings: ["all", "out"] }],
    downloads: [...own.downloads, { buffer: "out", offset: 0, bytes: whole + 16, target: "all" }],
    uses: [{ buffer: "all", kept, offset: 0, bytes: whole }],
  };
};

const units = [
  copyUnit("before", 999),
  keeper("r0", 0),
  keeper("r1", 1),
  keeper("r2", 2),
  user("e0", 3),
  user("e1", 3),
  copyUnit("after", 500),
];

const bytesOf = (source: string, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, at) => sourceByte(source, at));

function expectAll(results: ReadonlyMap<string, Uint8Array>): void {
  // What the kept bytes do not cover of a buffer is zero.
  const all = Buffer.concat([...["r0", "r1", "r2"].map((source) => bytesOf(source, bytes)), new Uint8Array(16)]);
  for (const unit of ["e0", "e1"]) {
    expect(all.equals(results.get(`${unit}/all`) ?? new Uint8Array(0)), unit).toBe(true);
    expect(results.get(`${unit}/${unit}`)).toEqual(bytesOf(unit, bytes));
  }
  expect([results.get("before/before")?.length, results.get("after/after")?.length]).toEqual([999, 500]);
}

const layouts = [
  ["grouped", { groupBytes: 2 ** 20 }],
  ["each unit alone", { groupBytes: 0 }],
  ["one after the other", { groupBytes: 0, memoryBudget: 64_000 }],
] as const;

const peak = (list: readonly WorkUnit[]): number => planUnits(list, testProfile(), { groupBytes: 0 }).lowerBoundBytes;

const without = (list: readonly WorkUnit[]): WorkUnit[] =>
  list.map(({ id, label, buffers, uploads, steps, downloads }) => ({ id, label, buffers, uploads, steps, downloads }));

const readsOf = (events: readonly string[]): string[] => events.filter((event) => event.startsWith("read "));

describe("units that keep", () => {
  it.each(layouts)("hand over, %s", async (_, options) => {
    const gpu = await device();
    for (const backend of [new WebGpuBackend(gpu, copySpecs), cpuBackend({ poison: 0xcd })]) {
      const io = recordingIo();
      const plan = planUnits(units, backend.profile, options);
      expect(plan.peakDeviceBytes).toBeLessThanOrEqual(1.1 * plan.lowerBoundBytes);
      expect(await runPlan(plan, backend, io)).toMatchObject({ peakDeviceBytes: plan.peakDeviceBytes });
      expectAll(io.results);
    }
  });

  it("share a batch, but not with those who use it", () => {
    const { batches } = planUnits(units, testProfile(), { groupBytes: 2 ** 20 });
    expect(batches.map((batch) => batch.units)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6],
    ]);
  });

  it("have their kept bytes counted until the last use", () => {
    const large = copyUnit("large", 100_000);
    const before = [...units.slice(0, 4), large, ...units.slice(4)];
    expect(peak(before)).toBe(peak(without(before)) + 3 * bytes);
    const after = [...units, large];
    expect(peak(after)).toBe(peak(without(after)));
  });

  it("survive JSON and print", () => {
    const plan = planUnits(units, testProfile());
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(plan.units.map(({ uses = [], keeps = [] }) => [uses.length, keeps.length])).toEqual(
      units.map(({ uses = [], keeps = [] }) => [uses.length, keeps.length]),
    );
    expect(formatPlan(plan, { operations: true })).toMatch(/copy #\d+ > #\d+ 12 KiB/);
  });

  it.each<[string, Partial<WorkUnit>]>([
    ["what nobody kept before", { uses: [{ buffer: "b0", kept: "w other", offset: 0, bytes }] }],
    ["more than was kept", { uses: [{ buffer: "b0", kept, offset: 3 * bytes, bytes: 4 }] }],
    ["into a buffer that is uploaded", { uses: [{ buffer: "b0", kept, offset: 0, bytes: 4 }] }],
    ["past the end of a buffer", { keeps: [{ buffer: "b0", kept, offset: 0, bytes: bytes + 32 }] }],
    ["half a word", { keeps: [{ buffer: "b0", kept, offset: 2, bytes: 4 }] }],
  ])("are refused where they use or keep %s", (_, change) => {
    const odd = { ...copyUnit("odd", bytes), ...change };
    expect(() => planUnits([...units, odd], testProfile())).toThrow(InternalError);
  });
});

describe("a run with kept buffers that resumes", () => {
  type Versions = Readonly<Record<string, string>>;
  const run = (store: CheckpointStore, versions: Versions, failAt?: string, plan?: Plan) => {
    const io = recordingIo({
      digest: ({ source }) => Promise.resolve(versions[source] ?? "1"),
      deliver: async (unit) => {
        if (unit === failAt) throw new IoError("the disk is full");
      },
    });
    const planned = plan ?? planUnits(units, testProfile(), { groupBytes: 0 });
    return { io, outcome: runPlan(planned, cpuBackend({ poison: 0xcd }), io, { checkpoint: store }) };
  };
  it("makes the kept bytes again as long as a unit needs them", async () => {
    const store = memoryCheckpoint();
    await expect(run(store, {}, "e1").outcome).rejects.toThrow(/full/);
    const second = run(store, {});
    expect(await second.outcome).toMatchObject({ resumedUnits: 5, units: 7 });
    expect(readsOf(second.io.events)).toEqual(["r0", "r1", "r2", "e1", "after"].map((name) => `read ${name}`));
    expectAll(second.io.results);
  });

  it("leaves them where all who use them are delivered", async () => {
    const store = memoryCheckpoint();
    await expect(run(store, {}, "after").outcome).rejects.toThrow(/full/);
    const second = run(store, {});
    expect(await second.outcome).toMatchObject({ resumedUnits: 6 });
    expect(readsOf(second.io.events)).toEqual(["read after"]);
    expectAll(second.io.results);
  });

  it("makes again all that was made from kept bytes whose sources have changed, and from nothing else", async () => {
    const store = memoryCheckpoint();
    await expect(run(store, {}, "after").outcome).rejects.toThrow(/full/);
    const second = run(store, { r1: "2" });
    expect(await second.outcome).toMatchObject({ resumedUnits: 3 });
    const delivered = second.io.events.filter((event) => event.startsWith("deliver "));
    expect(delivered).toEqual(["before", "r0", "r2", "r1", "e0", "e1", "after"].map((name) => `deliver ${name}`));
    // Entries of the first sources still stand before the fresh ones, and count again when those come back.
    expect(await run(store, { r1: "2" }).outcome).toMatchObject({ resumedUnits: 7 });
    expect(await run(store, {}).outcome).toMatchObject({ resumedUnits: 7 });
    expect(await run(store, { r1: "3" }).outcome).toMatchObject({ resumedUnits: 4 });
  });
});
