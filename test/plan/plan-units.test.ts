// Whole plans: golden texts, invariants on random units, refusals.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InternalError, OutOfMemoryError } from "../../src/base/errors.ts";
import { formatPlan } from "../../src/plan/format.ts";
import { planUnits } from "../../src/plan/plan-units.ts";
import type { Command, Plan, WorkUnit } from "../../src/plan/types.ts";
import { copyUnit, testProfile } from "../support/plan-units.ts";

const profile = testProfile();
const MiB = 2 ** 20;

/** Plays a plan's operations and checks that each is allowed when it comes. */
function audit(plan: Plan): void {
  const existing = new Set<number>();
  let [bytes, peak, dispatches, submits] = [0, 0, 0, 0];
  const usageOf = (id: number): string => {
    if (!existing.has(id)) throw new Error(`slot ${id} is used while it does not exist`);
    return plan.slots[id]?.usage ?? "";
  };
  const sizeOf = (id: number): number => plan.slots[id]?.bytes ?? 0;
  const check = (command: Command): void => {
    if (command.kind === "copy") {
      expect(usageOf(command.from)).toMatch(/upload|storage/);
      expect(usageOf(command.to)).toMatch(/storage|readback|uniform/);
      expect(command.fromOffset + command.bytes).toBeLessThanOrEqual(sizeOf(command.from));
      expect(command.toOffset + command.bytes).toBeLessThanOrEqual(sizeOf(command.to));
      expect([command.fromOffset % 4, command.toOffset % 4, command.bytes % 4]).toEqual([0, 0, 0]);
    } else if (command.kind === "clear") {
      expect(usageOf(command.slot)).toBe("storage");
      expect(command.offset + command.bytes).toBeLessThanOrEqual(sizeOf(command.slot));
    } else {
      dispatches += 1;
      expect(usageOf(command.params.slot)).toBe("uniform");
      const bound = command.bindings.map(({ slot }) => slot);
      expect(new Set(bound).size).toBe(bound.length);
      for (const { slot, bytes: size } of command.bindings) {
        expect(usageOf(slot)).toBe("storage");
        expect(size).toBeLessThanOrEqual(sizeOf(slot));
      }
    }
  };
  const [filled, taken]: [number[], number[]] = [[], []];
  for (const op of plan.ops) {
    if (op.kind === "create") {
      for (const id of op.slots) {
        existing.add(id);
        bytes += sizeOf(id);
      }
      peak = Math.max(peak, bytes);
    } else if (op.kind === "destroy") {
      for (const id of op.slots) {
        usageOf(id);
        existing.delete(id);
        bytes -= sizeOf(id);
      }
    } else if (op.kind === "fill") {
      expect(usageOf(op.slot)).toBe("upload");
      filled.push(op.batch);
    } else if (op.kind === "submit") {
      submits += 1;
      for (const command of op.commands) check(command);
    } else {
      if (op.slot !== undefined) expect(usageOf(op.slot)).toBe("readback");
      taken.push(op.batch);
    }
  }
  expect(peak).toBe(plan.peakDeviceBytes);
  expect({ dispatches, submits }).toEqual({ dispatches: plan.dispatches, submits: plan.submits });
  expect(plan.peakDeviceBytes).toBeLessThanOrEqual(plan.lowerBoundBytes * 1.1);
  if (plan.memoryBudget !== undefined) expect(plan.peakDeviceBytes).toBeLessThanOrEqual(plan.memoryBudget);
  const inOrder = plan.batches.map((_, index) => index);
  expect(taken).toEqual(inOrder);
  expect(filled).toEqual(inOrder.filter((index) => (plan.batches[index]?.uploadBytes ?? 0) > 0));
}

describe("golden plans", () => {
  it("overlaps reading, computing and writing of large units", () => {
    const plan = planUnits([copyUnit("a", 8 * MiB, 2), copyUnit("b", 8 * MiB, 2), copyUnit("c", 8 * MiB)], profile);
    audit(plan);
    expect(formatPlan(plan, { operations: true })).toMatchInlineSnapshot(`
      "work    3 units in 3 batches, 5 dispatches in 3 submits
      bytes   24 MiB in, 24 MiB out
      memory  112 MiB before reuse, 48 MiB after (1.00 of the lower bound 48 MiB; no budget)
      slots   2 storage, 2 upload, 2 readback, 1 uniform
      device  about 21 ms of computing on llvmpipe
         0  create  #0 upload 8 MiB
         1  fill    batch 0 #0 (a)
         2  create  #1 upload 8 MiB
         3  fill    batch 1 #1 (b)
         4  create  #2 uniform 512 B, #3 readback 8 MiB, #4 storage 8 MiB, #5 storage 8 MiB
         5  submit  batch 0: copy #0 > #2 512 B; copy #0 > #4 8 MiB; util/copy-words #4 #5; util/copy-words #5 #4; copy #4 > #3 8 MiB
         6  fill    batch 2 #0 (c)
         7  create  #6 readback 8 MiB
         8  submit  batch 1: copy #1 > #2 512 B; copy #1 > #4 8 MiB; util/copy-words #4 #5; util/copy-words #5 #4; copy #4 > #6 8 MiB
         9  take    batch 0 #3 (a)
        10  submit  batch 2: copy #0 > #2 256 B; copy #0 > #4 8 MiB; util/copy-words #4 #5; copy #5 > #3 8 MiB
        11  take    batch 1 #6 (b)
        12  take    batch 2 #3 (c)"
    `);
  });

  it("groups small units and shares their submits", () => {
    const units = Array.from({ length: 40 }, (_, index) => copyUnit(`t${index}`, 1000 + index));
    const plan = planUnits(units, profile);
    audit(plan);
    expect(formatPlan(plan)).toMatchInlineSnapshot(`
      "work    40 units in 1 batch, 40 dispatches in 2 submits
      bytes   39.8 KiB in, 39.8 KiB out
      memory  180 KiB before reuse, 143 KiB after (1.01 of the lower bound 141 KiB; no budget)
      slots   43 storage, 1 upload, 1 readback, 1 uniform
      device  about 0.86 ms of computing on llvmpipe"
    `);
    expect(plan.submits).toBeLessThan(4);
  });

  it("falls back to one unit at a time in a tight budget", () => {
    const units = [copyUnit("a", MiB), copyUnit("b", MiB)];
    const plan = planUnits(units, profile, { memoryBudget: 4 * MiB + 4096 });
    audit(plan);
    expect(formatPlan(plan, { operations: true })).toMatchInlineSnapshot(`
      "work    2 units in 2 batches, 2 dispatches in 2 submits
      bytes   2 MiB in, 2 MiB out
      memory  8 MiB before reuse, 4 MiB after (1.00 of the lower bound 4 MiB; budget 4 MiB)
      slots   2 storage, 1 upload, 1 readback, 1 uniform
      device  about 1.1 ms of computing on llvmpipe
      warning The memory budget leaves no room to read, compute and write at the same time.
         0  create  #0 upload 1 MiB
         1  fill    batch 0 #0 (a)
         2  create  #1 uniform 256 B, #2 readback 1 MiB, #3 storage 1 MiB, #4 storage 1 MiB
         3  submit  batch 0: copy #0 > #1 256 B; copy #0 > #3 1 MiB; util/copy-words #3 #4; copy #4 > #2 1 MiB
         4  take    batch 0 #2 (a)
         5  fill    batch 1 #0 (b)
         6  submit  batch 1: copy #0 > #1 256 B; copy #0 > #3 1 MiB; util/copy-words #3 #4; copy #4 > #2 1 MiB
         7  take    batch 1 #2 (b)"
    `);
  });

  it("is empty for no work", () => {
    const plan = planUnits([], profile);
    audit(plan);
    expect(formatPlan(plan)).toMatchInlineSnapshot(`
      "work    0 units in 0 batches, 0 dispatches in 0 submits
      bytes   0 B in, 0 B out
      memory  0 B before reuse, 0 B after (1.00 of the lower bound 0 B; no budget)
      slots   none
      device  about 0 ms of computing on llvmpipe"
    `);
  });
});

const randomUnits = fc
  .array(
    fc.record({
      bytes: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 3 * MiB })),
      steps: fc.integer({ min: 0, max: 40 }),
      sums: fc.boolean(),
      table: fc.boolean(),
    }),
    { minLength: 1, maxLength: 24 },
  )
  .map((list): WorkUnit[] =>
    list.map(({ bytes, steps, sums, table }, index) => {
      const unit = copyUnit(`u${index}`, bytes, steps);
      return {
        ...unit,
        buffers: { ...unit.buffers, ...(sums ? { sums: 32 } : {}), ...(table ? { table: 64 } : {}) },
        ...(sums ? { zeroed: ["sums"] } : {}),
        uploads: [
          ...unit.uploads,
          ...(table ? [{ buffer: "table", data: { kind: "inline", words: [1, 2] } } as const] : []),
        ],
        downloads: [...unit.downloads, ...(sums ? [{ buffer: "sums", offset: 4, bytes: 6, target: "sums" }] : [])],
      };
    }),
  );

describe("plans of random units", () => {
  it("are consistent, within 1.10 of the lower bound, and survive JSON", () => {
    fc.assert(
      fc.property(randomUnits, fc.constantFrom(0, 65536, 4 * MiB), (units, groupBytes) => {
        const plan = planUnits(units, profile, { groupBytes });
        audit(plan);
        expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
        expect(plan.dispatches).toBe(units.reduce((sum, { steps }) => sum + steps.length, 0));
      }),
      { numRuns: 60 },
    );
  });

  it("keep any budget that a plan without one would pass, down to the largest unit", () => {
    fc.assert(
      fc.property(randomUnits, fc.double({ min: 0.3, max: 1, noNaN: true }), (units, share) => {
        const memoryBudget = Math.floor(planUnits(units, profile).lowerBoundBytes * share);
        try {
          audit(planUnits(units, profile, { memoryBudget }));
        } catch (error) {
          expect(error).toBeInstanceOf(OutOfMemoryError);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("have a fingerprint of the work, not of the budget", () => {
    const units = [copyUnit("a", MiB), copyUnit("b", MiB)];
    const { fingerprint } = planUnits(units, profile);
    expect(planUnits(units, profile, { memoryBudget: 5 * MiB }).fingerprint).toBe(fingerprint);
    expect(planUnits([copyUnit("a", MiB), copyUnit("b", MiB + 4)], profile).fingerprint).not.toBe(fingerprint);
  });

  it("plan ten thousand units quickly enough to be printed before a run", () => {
    const units = Array.from({ length: 10_000 }, (_, index) => copyUnit(`u${index}`, 1000 + (index % 97) * 4000, 3));
    const plan = planUnits(units, profile, { groupBytes: 0 });
    expect(plan.dispatches).toBe(30_000);
  });
});

const failure = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("refusals", () => {
  it("names unit, needed and available bytes beyond a binding, a buffer, a budget", () => {
    const { limits } = profile;
    const small = testProfile({ limits: { ...limits, maxStorageBufferBindingSize: MiB } });
    const binding = failure(() => planUnits([copyUnit("w", 2 * MiB)], small));
    expect(binding).toBeInstanceOf(OutOfMemoryError);
    expect(binding).toMatchObject({
      details: { unit: "w", limit: "maxStorageBufferBindingSize", neededBytes: 2 * MiB, availableBytes: MiB },
    });
    const buffer = failure(() =>
      planUnits([copyUnit("w", 2 * MiB)], testProfile({ limits: { ...limits, maxBufferSize: MiB } })),
    );
    expect(buffer).toMatchObject({ code: "OUT_OF_MEMORY", details: { limit: "maxBufferSize" } });
    const budget = failure(() =>
      planUnits([copyUnit("v", 1000), copyUnit("w", 2 * MiB)], testProfile({ memoryBudget: 4 * MiB })),
    );
    expect(budget).toBeInstanceOf(OutOfMemoryError);
    expect(budget).toMatchObject({ details: { unit: "w", availableBytes: 4 * MiB } });
  });

  it.each<[string, Partial<WorkUnit>]>([
    ["unknown buffer", { steps: [{ call: copyUnit("x", 16).steps[0]?.call ?? never(), bindings: ["b0", "nope"] }] }],
    [
      "one buffer bound twice",
      { steps: [{ call: copyUnit("x", 16).steps[0]?.call ?? never(), bindings: ["b0", "b0"] }] },
    ],
    ["size not a multiple of 4", { buffers: { b0: 18, b1: 16 } }],
    ["empty buffer", { buffers: { b0: 0, b1: 16 } }],
    [
      "upload larger than its buffer",
      { uploads: [{ buffer: "b0", data: { kind: "inline", words: [1, 2, 3, 4, 5] } }] },
    ],
    ["download past the end", { downloads: [{ buffer: "b1", offset: 8, bytes: 12, target: "x" }] }],
    ["uploaded and zeroed", { zeroed: ["b0"] }],
  ])("calls a malformed unit a bug: %s", (_, change) => {
    expect(() => planUnits([{ ...copyUnit("x", 16), ...change }], profile)).toThrow(InternalError);
  });

  it("refuses two units of one id", () => {
    expect(() => planUnits([copyUnit("x", 16), copyUnit("x", 16)], profile)).toThrow(/taken/);
  });
});

function never(): never {
  throw new Error("the copy unit has no step");
}
