import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { allocateWithinBytes, allocateWithinDamage, type LayerCosts } from "../../../src/methods/allocate/allocate.ts";

const layersOf = (damage: fc.Arbitrary<number>): fc.Arbitrary<LayerCosts[]> =>
  fc
    .array(fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 60 }), damage }), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 6,
    })
    .map((all) =>
      all.map((formats, i) => ({ layer: `w${i}`, formats: formats.map((each, j) => ({ format: `f${j}`, ...each })) })),
    );
const damages = fc.integer({ min: -20, max: 400 }).map((n) => n / 8);

/** All sums of bytes and damage. */
const everySum = (layers: readonly LayerCosts[]): { bytes: number; damage: number }[] => {
  let sums = [{ bytes: 0, damage: 0 }];
  for (const { formats } of layers) {
    sums = sums.flatMap((sum) =>
      formats.map(({ bytes, damage }) => ({ bytes: sum.bytes + bytes, damage: sum.damage + damage })),
    );
  }
  return sums;
};

describe.each([
  ["bytes", "damage", allocateWithinBytes],
  ["damage", "bytes", allocateWithinDamage],
] as const)("within a limit of %s", (limited, minimised, solve) => {
  test.each([["exact", 500_000] as const, ["lagrangian", 0] as const])("%s", (kind, maxStates) => {
    fc.assert(
      fc.property(layersOf(damages), fc.integer({ min: 0, max: 250 }), (layers, limit) => {
        const within = everySum(layers).filter((sum) => sum[limited] <= limit);
        if (within.length === 0) {
          expect(() => solve(layers, limit, { maxStates })).toThrow(UsageError);
          return;
        }
        const best = Math.min(...within.map((sum) => sum[minimised]));
        const found = solve(layers, limit, { maxStates });
        expect(found[limited]).toBeLessThanOrEqual(limit);
        expect(found.layers.map(({ layer }) => layer)).toEqual(layers.map(({ layer }) => layer));
        expect(found[minimised]).toBeGreaterThanOrEqual(best);
        if (kind === "exact") expect(found.method).toBe("exact");
        if (found.method === "exact") expect(found[minimised]).toBe(best);
        // The gap is a promise: the best lies no further below.
        expect(found[minimised] - found.gap).toBeLessThanOrEqual(best + 1e-9);
      }),
      { numRuns: 150 },
    );
  });
});

test("many layers go to the Lagrangian search, whose gap is less than one step of one layer", () => {
  const layers = Array.from({ length: 400 }, (_, i) => ({
    layer: `w${i}`,
    formats: [8, 4, 3, 2].map((bits) => ({
      format: `int${bits}`,
      bytes: (1000 + ((i * 7919) % 613)) * bits,
      damage: (1 + ((i * 104729) % 97)) * 4 ** -bits,
    })),
  }));
  const found = allocateWithinBytes(layers, 2_000_000, { maxStates: 10_000 });
  expect(found.method).toBe("lagrangian");
  expect(found.bytes).toBeLessThanOrEqual(2_000_000);
  expect(found.gap).toBeLessThan(97 * (4 ** -2 - 4 ** -3));
});

test("refuses a damage that was not measured and a layer without formats", () => {
  const formats = [{ format: "int4", bytes: 4, damage: Number.NaN }];
  expect(() => allocateWithinBytes([{ layer: "w", formats }], 9)).toThrow(/"w" in int4/);
  expect(() => allocateWithinBytes([{ layer: "v", formats: [] }], 9)).toThrow(/"v" has no format/);
});
