// The room's table on the device, and what the search promises, by property in doubles on the reference
// (whose bytes are the device's).
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { searchMseBlockReference } from "../../../src/kernels/quantize/search-mse-block.ref.ts";
import { searchMseBlockCall } from "../../../src/kernels/quantize/search-mse-block.ts";
import type { BlockedGeometry, CodeLayout } from "../../../src/kernels/quantize/geometry.ts";
import type { SearchTarget } from "../../../src/kernels/quantize/search-units.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { absmaxStart, bytesOf, randomValues, target, trueErrors, type Character } from "./search-cases.ts";
import { room } from "./search-mse-block.cases.ts";

describeRoom(room);

/** True errors before and after the search. */
function search(of: SearchTarget, g: BlockedGeometry, layout: CodeLayout, x: Float32Array, importance?: Float32Array) {
  const start = absmaxStart(of, g, layout, x);
  const found = { scales: start.scales.slice(), zeroPoints: start.zeroPoints.slice() };
  const { params } = searchMseBlockCall(of, g, layout, importance !== undefined);
  searchMseBlockReference(params, [
    bytesOf(x),
    bytesOf(importance ?? x),
    bytesOf(found.scales),
    bytesOf(found.zeroPoints),
  ]);
  const errors = (s: typeof start): Float64Array => trueErrors(of, g, layout, x, s, importance);
  return { before: errors(start), after: errors(found), found };
}

const total = (errors: Float64Array): number => errors.reduce((sum, e) => sum + e, 0);

describe("MSE search of blocks", () => {
  it("never ends with a larger (weighted) error than absmax on any block", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(2, 4, 8),
        fc.constantFrom("symmetric", "full", "asymmetric"),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(1, 2, 7, 16, 32, 64, 100, 256, 1024),
        fc.constantFrom("gauss", "laplace", "outlier", "positive", "constant", "tiny"),
        fc.integer({ min: 1, max: 2 ** 30 }),
        fc.integer({ min: -60, max: 60 }),
        (bits, scheme, half, weighted, blockSize, character, seed, exponent) => {
          const of = target(bits as 2 | 4 | 8, scheme as "full", half);
          const dim = blockSize * 2 + (seed % blockSize);
          const g: BlockedGeometry = { kind: "blocked", outer: 2, dim, inner: 1, blockSize };
          const x = randomValues(character as Character, 2 * dim, seed);
          if (character !== "tiny") x.forEach((v, i) => (x[i] = v * 2 ** exponent));
          const spread = randomValues("gauss", dim, seed + 1).map((v) => Math.exp(60 * v));
          const { before, after } = search(of, g, "natural", x, weighted ? spread : undefined);
          for (const [block, error] of after.entries()) expect(error).toBeLessThanOrEqual(before[block] ?? 0);
        },
      ),
      { numRuns: 600 },
    );
  });

  it("lowers the error of gaussian int4 blocks of 32 by a fifth, int2 by half, on average", () => {
    const g: BlockedGeometry = { kind: "blocked", outer: 200, dim: 128, inner: 1, blockSize: 32 };
    const x = randomValues("gauss", 200 * 128, 5);
    const share = (of: SearchTarget): number => {
      const { before, after } = search(of, g, "rows", x);
      return total(after) / total(before);
    };
    expect(share(target(4, "symmetric"))).toBeLessThan(0.82);
    expect(share(target(4, "full"))).toBeLessThan(0.92);
    expect(share(target(4, "asymmetric"))).toBeLessThan(0.94);
    expect(share(target(2, "symmetric"))).toBeLessThan(0.5);
    expect(share(target(4, "symmetric", true))).toBeLessThan(0.82);
  });

  it("favours the columns that matter", () => {
    const g: BlockedGeometry = { kind: "blocked", outer: 300, dim: 64, inner: 1, blockSize: 32 };
    const x = randomValues("laplace", 300 * 64, 6);
    const importance = Float32Array.from({ length: 64 }, (_, d) => (d % 8 === 0 ? 50 : 1));
    const of = target(4, "symmetric");
    const plain = search(of, g, "natural", x).found;
    const weighted = search(of, g, "natural", x, importance).found;
    const measure = (s: typeof plain): number => total(trueErrors(of, g, "natural", x, s, importance));
    expect(measure(weighted)).toBeLessThan(0.9 * measure(plain));
  });

  it("finds only scales that an f16 holds when scales are f16", () => {
    const g: BlockedGeometry = { kind: "blocked", outer: 64, dim: 96, inner: 1, blockSize: 32 };
    const x = randomValues("gauss", 64 * 96, 7).map((v, i) => v * 10 ** -(i % 6));
    const { found } = search(target(4, "symmetric", true), g, "natural", x);
    for (const scale of found.scales) {
      const quantum = 2 ** Math.max(-24, Math.floor(Math.log2(Math.abs(scale))) - 10);
      expect(Number.isInteger(scale / quantum)).toBe(true);
    }
  });
});
