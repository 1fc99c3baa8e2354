// Lifetimes, colouring and submits on their own: properties over random schedules.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SlotUsage } from "../../src/base/slot.ts";
import { findLifetimes, liveBytes, lowerBound } from "../../src/plan/lifetimes.ts";
import type { Lifetime, Resource } from "../../src/plan/lifetimes.ts";
import { colourSlots } from "../../src/plan/slots.ts";
import { cutSubmits, defaultSubmitPolicy } from "../../src/plan/submits.ts";

const resource = (bytes: number, usage: SlotUsage = "storage"): Resource => ({ name: "r", usage, bytes });

describe("findLifetimes", () => {
  it("spans from the first to the last touch, and drops what is never touched", () => {
    const lifetimes = findLifetimes([resource(4), resource(8), resource(12)], [[1], [0, 1], [], [0]]);
    expect(lifetimes.map(({ resource: id, start, end }) => [id, start, end])).toEqual([
      [1, 0, 1],
      [0, 1, 3],
    ]);
    expect(liveBytes(lifetimes, 4)).toEqual([8, 12, 4, 4]);
    expect(lowerBound(lifetimes, 4)).toEqual({ bytes: 12, position: 1 });
  });

  it("keeps pinned resources through the whole schedule", () => {
    const lifetimes = findLifetimes([{ ...resource(4), pinned: true }, resource(8)], [[], [1], [0], []]);
    expect(lifetimes.map(({ start, end }) => [start, end])).toEqual([
      [0, 3],
      [1, 1],
    ]);
  });
});

const positions = 40;
const usages: readonly SlotUsage[] = ["storage", "upload", "readback", "uniform"];
const randomLifetimes = fc
  .array(
    fc.record({
      bytes: fc.oneof(
        fc.constantFrom(64, 256, 4096),
        fc.integer({ min: 1, max: 500 }).map((words) => words * 4),
      ),
      usage: fc.constantFrom(...usages),
      start: fc.nat(positions - 1),
      length: fc.nat(12),
    }),
    { minLength: 1, maxLength: 80 },
  )
  .map((list): readonly Lifetime[] =>
    list
      .toSorted((a, b) => a.start - b.start)
      .map(({ bytes, usage, start, length }, index) => ({
        resource: index,
        bytes,
        usage,
        start,
        end: Math.min(positions - 1, start + length),
      })),
  );

const colour = (lifetimes: readonly Lifetime[], factor: number) => {
  const { bytes } = lowerBound(lifetimes, positions);
  return { bytes, ...colourSlots(lifetimes, liveBytes(lifetimes, positions), Math.floor(bytes * factor)) };
};

const of = (id: number, bytes: number, at: number): Lifetime => ({
  resource: id,
  usage: "storage",
  bytes,
  start: at,
  end: at,
});

describe("colourSlots", () => {
  it("keeps its promises on random lifetimes", () => {
    fc.assert(
      fc.property(randomLifetimes, fc.constantFrom(1, 1.02, 1.1, 2), (lifetimes, factor) => {
        const { bytes, slots, slotOf, peakBytes } = colour(lifetimes, factor);
        expect(slotOf.size).toBe(lifetimes.length);
        for (const lifetime of lifetimes) {
          const id = slotOf.get(lifetime.resource);
          const slot = id === undefined ? undefined : slots[id];
          expect(slot?.usage).toBe(lifetime.usage);
          expect(slot?.bytes).toBeGreaterThanOrEqual(lifetime.bytes);
          expect(slot?.create).toBeLessThanOrEqual(lifetime.start);
          expect(slot?.destroy).toBeGreaterThan(lifetime.end);
          const neighbours = lifetimes.filter((other) => other !== lifetime && slotOf.get(other.resource) === id);
          const clash = neighbours.find((other) => other.start <= lifetime.end && lifetime.start <= other.end);
          expect(clash).toBeUndefined();
        }
        const existing = Array.from({ length: positions }, (_, at) =>
          slots.reduce((sum, slot) => sum + (slot.create <= at && at < slot.destroy ? slot.bytes : 0), 0),
        );
        expect(Math.max(...existing)).toBe(peakBytes);
        expect(peakBytes).toBeGreaterThanOrEqual(bytes);
        expect(peakBytes).toBeLessThanOrEqual(bytes * factor);
      }),
      { numRuns: 500 },
    );
  });

  it("reuses equal buffers instead of making new ones", () => {
    const chain = Array.from({ length: 10 }, (_, at): Lifetime => ({
      resource: at,
      usage: "storage",
      bytes: 1000,
      start: at,
      end: at + 1,
    }));
    const { slots, peakBytes } = colour(chain, 1.1);
    expect(slots).toHaveLength(2);
    expect(peakBytes).toBe(2000);
  });

  it("puts small tenants into large slots while little else lives", () => {
    const { slots } = colour([of(0, 100, 0), of(1, 10, 1), of(2, 60, 2), of(3, 100, 3)], 1);
    expect(slots).toHaveLength(1);
  });

  it("gives up the slot that waits longest", () => {
    // Of the slots of 44 and 48, the smaller one is wanted again first; 96 leaves room for neither but one.
    const lives = [of(0, 44, 0), of(1, 48, 0), of(2, 56, 1), of(3, 44, 1), of(4, 48, 2), of(5, 52, 2)];
    const { slots, slotOf } = colour(lives, 1);
    expect(slots[slotOf.get(1) ?? -1]?.destroy).toBe(1);
    expect(slots[slotOf.get(0) ?? -1]?.destroy).toBeGreaterThan(1);
    expect(slotOf.get(3)).toBe(slotOf.get(0));
  });
});

const even = (count: number, seconds: number): number[] => Array.from<number>({ length: count }).fill(seconds);

describe("cutSubmits", () => {
  it("packs cheap dispatches by the largest count", () => {
    expect(cutSubmits(even(70, 1e-5))).toEqual([32, 64, 70]);
  });

  it("cuts at the smallest count once there is enough work", () => {
    expect(cutSubmits(even(20, 0.005))).toEqual([8, 16, 20]);
  });

  it("never lets several dispatches pass the watchdog's cap", () => {
    expect(cutSubmits([0.15, 0.15, 5, 0.01, 0.01])).toEqual([1, 2, 3, 5]);
  });

  it("keeps copies with their neighbours and honours breaks", () => {
    expect(cutSubmits([undefined, 0.1, undefined, undefined], new Set([3]))).toEqual([3, 4]);
    expect(cutSubmits([])).toEqual([]);
  });

  it("covers all commands and keeps the policy on random work", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.double({ min: 0, max: 0.3, noNaN: true }), { nil: undefined })), (work) => {
        let start = 0;
        for (const end of cutSubmits(work)) {
          expect(end).toBeGreaterThan(start);
          const costs = work.slice(start, end).filter((cost) => cost !== undefined);
          const total = costs.reduce((sum, cost) => sum + cost, 0);
          expect(costs.length).toBeLessThanOrEqual(defaultSubmitPolicy.maxDispatches);
          if (costs.length > 1) expect(total).toBeLessThanOrEqual(defaultSubmitPolicy.maxSeconds + 1e-9);
          start = end;
        }
        expect(start).toBe(work.length);
      }),
    );
  });
});
