// The room's table on the device, and what the search promises, by property in doubles on the reference
// (whose bytes are the device's).
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { searchFitBlockReference } from "../../../src/kernels/quantize/search-fit-block.ref.ts";
import { searchFitBlockCall } from "../../../src/kernels/quantize/search-fit-block.ts";
import { searchMseBlockReference } from "../../../src/kernels/quantize/search-mse-block.ref.ts";
import { searchMseBlockCall } from "../../../src/kernels/quantize/search-mse-block.ts";
import type { BlockedGeometry } from "../../../src/kernels/quantize/geometry.ts";
import type { SearchTarget } from "../../../src/kernels/quantize/search-units.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { absmaxStart, bytesOf, randomValues, target, trueErrors, type Character, type Start } from "./search-cases.ts";
import { room } from "./search-fit-block.cases.ts";

describeRoom(room);

const total = (errors: Float64Array): number => errors.reduce((sum, e) => sum + e, 0);

/** Absmax and what the search makes of it. */
function search(
  of: SearchTarget,
  g: BlockedGeometry,
  x: Float32Array,
): { readonly start: Start; readonly found: Start } {
  const start = absmaxStart(of, g, "natural", x);
  const found = { scales: start.scales.slice(), zeroPoints: start.zeroPoints.slice() };
  const { params } = searchFitBlockCall(of, g, "natural");
  searchFitBlockReference(params, [bytesOf(x), bytesOf(found.scales), bytesOf(found.zeroPoints)]);
  return { start, found };
}

describe("least-squares search of short blocks", () => {
  it("never ends with a larger error than absmax on any block", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(2, 4),
        fc.constantFrom("symmetric", "full", "asymmetric"),
        fc.boolean(),
        fc.constantFrom(1, 2, 3, 7, 16, 20, 32),
        fc.constantFrom("gauss", "laplace", "outlier", "positive", "constant", "tiny"),
        fc.integer({ min: 1, max: 2 ** 30 }),
        fc.integer({ min: -60, max: 60 }),
        (bits, scheme, half, blockSize, character, seed, exponent) => {
          const of = target(bits as 2 | 4, scheme as "full", half);
          const dim = blockSize * 8 + (seed % blockSize);
          const g: BlockedGeometry = { kind: "blocked", outer: 2, dim, inner: 1, blockSize };
          const x = randomValues(character as Character, 2 * dim, seed);
          if (character !== "tiny") x.forEach((v, i) => (x[i] = v * 2 ** exponent));
          const { start, found } = search(of, g, x);
          const [before, after] = [start, found].map((s) => trueErrors(of, g, "natural", x, s));
          for (const [block, error] of (after ?? []).entries()) expect(error).toBeLessThanOrEqual(before?.[block] ?? 0);
        },
      ),
      { numRuns: 1500 },
    );
  });

  it("finds as small errors as the grid over scales, within a third of a percent", () => {
    for (const [bits, scheme, blockSize] of [
      [4, "full", 32],
      [4, "symmetric", 32],
      [4, "asymmetric", 32],
      [4, "full", 16],
      [2, "full", 16],
      [2, "symmetric", 16],
      [2, "asymmetric", 32],
    ] as const) {
      for (const character of ["gauss", "laplace", "outlier"] as const) {
        const of = target(bits, scheme);
        const g: BlockedGeometry = { kind: "blocked", outer: 200, dim: 128, inner: 1, blockSize };
        const x = randomValues(character, 200 * 128, 5);
        const { start, found } = search(of, g, x);
        const grid = { scales: start.scales.slice(), zeroPoints: start.zeroPoints.slice() };
        const { params } = searchMseBlockCall(of, g, "natural", false);
        searchMseBlockReference(params, [bytesOf(x), bytesOf(x), bytesOf(grid.scales), bytesOf(grid.zeroPoints)]);
        const error = (s: Start): number => total(trueErrors(of, g, "natural", x, s));
        expect(error(found) / error(grid), `${bits} ${scheme} ${blockSize} ${character}`).toBeLessThan(1.0034);
        expect(error(found)).toBeLessThan(error(start));
      }
    }
  });

  it("finds only scales that an f16 holds when scales are f16", () => {
    const g: BlockedGeometry = { kind: "blocked", outer: 64, dim: 96, inner: 1, blockSize: 32 };
    const x = randomValues("gauss", 64 * 96, 7).map((v, i) => v * 10 ** -(i % 6));
    const { start, found } = search(target(4, "symmetric", true), g, x);
    expect(found.scales).not.toEqual(start.scales);
    for (const scale of found.scales) {
      const quantum = 2 ** Math.max(-24, Math.floor(Math.log2(Math.abs(scale))) - 10);
      expect(Number.isInteger(scale / quantum)).toBe(true);
    }
  });
});
