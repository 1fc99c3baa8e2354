// Shared slots: no overlap, no waste beyond the largest tenant, near the lower bound.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { lowerBound, type Lifetime } from "../../src/plan/lifetimes.ts";
import { shareSlots } from "../../src/plan/shared-slots.ts";

const lifetimes = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.nat(40), fc.nat(8)), { minLength: 1, maxLength: 60 })
  .map((parts) =>
    parts.map(([words, start, length], resource): Lifetime => ({
      resource,
      usage: "storage",
      bytes: 4 * words,
      start,
      end: start + length,
    })),
  );

it("never lets two share a slot at the same time, and no slot is larger than its largest tenant", () => {
  fc.assert(
    fc.property(lifetimes, (all) => {
      const { slots, slotOf } = shareSlots(all);
      for (const [id, slot] of slots.entries()) {
        const tenants = all.filter(({ resource }) => slotOf.get(resource) === id);
        expect(Math.max(...tenants.map(({ bytes }) => bytes))).toBe(slot.bytes);
        const sorted = tenants.toSorted((a, b) => a.start - b.start);
        for (const [i, tenant] of sorted.slice(1).entries()) expect(tenant.start).toBeGreaterThan(sorted[i]?.end ?? -1);
      }
      expect(slotOf.size).toBe(all.length);
      const total = slots.reduce((sum, { bytes }) => sum + bytes, 0);
      expect(total).toBeGreaterThanOrEqual(lowerBound(all, 50).bytes);
    }),
    { numRuns: 200 },
  );
});

it("needs no more than two slots for a chain", () => {
  const chain = Array.from({ length: 20 }, (_, i): Lifetime => ({
    resource: i,
    usage: "storage",
    bytes: 64,
    start: i,
    end: i + 1,
  }));
  expect(shareSlots(chain).slots).toHaveLength(2);
});
