// What whole searches promise, on the references: never a larger squared error than absmax for mse and hqq,
// plausible gains, percentiles as defined; and refusals.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UnsupportedError, UsageError } from "../../../src/base/errors.ts";
import type { Geometry } from "../../../src/kernels/quantize/geometry.ts";
import { randomValues, trueErrors, type Character } from "../../kernels/quantize/search-cases.ts";
import { affine, outcome, prepare, targetOf, type Search } from "../../kernels/quantize/search-sequences.ts";

function errors(of: Search, x: Float32Array, importance?: Float32Array): { before: Float64Array; after: Float64Array } {
  const { before, after } = outcome(of, x, importance);
  const measure = (s: typeof before): Float64Array =>
    trueErrors(targetOf(of), of.geometry, of.layout ?? "natural", x, s, importance);
  return { before: measure(before), after: measure(after) };
}

const total = (all: Float64Array): number => all.reduce((sum, e) => sum + e, 0);

const geometries = fc.oneof(
  fc.record({
    kind: fc.constant("wide" as const),
    outer: fc.integer({ min: 1, max: 4 }),
    channels: fc.integer({ min: 1, max: 3 }),
    inner: fc.constantFrom(1, 3, 17, 300),
  }),
  fc.record({
    kind: fc.constant("blocked" as const),
    outer: fc.integer({ min: 1, max: 3 }),
    dim: fc.integer({ min: 1, max: 200 }),
    inner: fc.integer({ min: 1, max: 3 }),
    blockSize: fc.constantFrom(1, 16, 32, 128),
  }),
);

const sizeOf = (g: Geometry): number => g.outer * g.inner * (g.kind === "wide" ? g.channels : g.dim);

describe("searchSteps", () => {
  it("never ends with a larger (weighted) squared error than absmax, by mse or hqq, in any group", () => {
    fc.assert(
      fc.property(
        geometries,
        fc.constantFrom("mse" as const, "hqq" as const),
        fc.constantFrom(2 as const, 4 as const, 8 as const),
        fc.constantFrom("symmetric" as const, "symmetric-full" as const, "asymmetric" as const),
        fc.constantFrom("f32" as const, "f16" as const),
        fc.constantFrom<Character>("gauss", "laplace", "outlier", "positive", "constant", "tiny", "wild"),
        fc.integer({ min: 1, max: 2 ** 30 }),
        fc.boolean(),
        (geometry, kind, bits, scheme, scaleType, character, seed, weighted) => {
          const of: Search = { encoding: affine(bits, scheme), geometry, search: { kind }, scaleType };
          const x = randomValues(character, sizeOf(geometry), seed);
          const importance =
            weighted && geometry.kind === "blocked"
              ? randomValues("gauss", geometry.dim, seed + 1).map((v) => Math.exp(60 * v))
              : undefined;
          const { before, after } = errors(of, x, importance);
          for (const [group, error] of after.entries()) {
            const first = before[group] ?? 0;
            expect(error <= first || Number.isNaN(first)).toBe(true);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("gains on gaussian weights what fewer, better placed codes should", () => {
    const x = randomValues("gauss", 64 * 512, 11);
    const share = (of: Search): number => {
      const { before, after } = errors(of, x);
      return total(after) / total(before);
    };
    const blocks: Geometry = { kind: "blocked", outer: 64, dim: 512, inner: 1, blockSize: 32 };
    const rows: Geometry = { kind: "wide", outer: 1, channels: 64, inner: 512 };
    const four = affine(4, "symmetric");
    const mse = { kind: "mse" } as const;
    const hqq = { kind: "hqq" } as const;
    expect(share({ encoding: four, geometry: blocks, search: mse })).toBeLessThan(0.82);
    expect(share({ encoding: four, geometry: rows, search: mse })).toBeLessThan(0.75);
    expect(share({ encoding: affine(2, "asymmetric"), geometry: rows, search: mse })).toBeLessThan(0.6);
    expect(share({ encoding: affine(8, "symmetric"), geometry: rows, search: mse })).toBeLessThan(1);
    expect(share({ encoding: four, geometry: blocks, search: hqq })).toBeLessThan(0.99);
    expect(share({ encoding: affine(4, "asymmetric"), geometry: blocks, search: hqq })).toBeLessThan(0.99);
    expect(share({ encoding: four, geometry: rows, search: hqq })).toBeLessThan(1);
  });

  it("clips at the nearest rank, the same way for blocks and for channels", () => {
    const x = Float32Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) - 40);
    const search = { kind: "percentile", percentile: 90 } as const;
    const scales = (geometry: Geometry, scheme: "symmetric" | "asymmetric"): number =>
      outcome({ encoding: affine(8, scheme), geometry, search }, x).after.scales[0] ?? 0;
    const blocked: Geometry = { kind: "blocked", outer: 1, dim: 100, inner: 1, blockSize: 128 };
    const wide: Geometry = { kind: "wide", outer: 1, channels: 1, inner: 100 };
    // |x| runs over 0 to 59 with 1 to 40 twice: the 90th of 100 is 49. x itself: -40 to 59, ranks 90 and 11.
    for (const geometry of [blocked, wide]) {
      expect(scales(geometry, "symmetric")).toBe(Math.fround(49 / 127));
      expect(scales(geometry, "asymmetric")).toBe(Math.fround((49 + 30) / 255));
    }
  });

  it("refuses percentiles out of range, and importance where it has no meaning", () => {
    const geometry: Geometry = { kind: "wide", outer: 1, channels: 1, inner: 8 };
    const of = (percentile: number): Search => ({
      encoding: affine(4, "symmetric"),
      geometry,
      search: { kind: "percentile", percentile },
    });
    for (const percentile of [50, 101, Number.NaN]) {
      expect(() => prepare(of(percentile), new Float32Array(8))).toThrow(UsageError);
    }
    const mse: Search = { encoding: affine(4, "symmetric"), geometry, search: { kind: "mse" } };
    expect(() => prepare(mse, new Float32Array(8), new Float32Array(1))).toThrow(UnsupportedError);
  });
});
