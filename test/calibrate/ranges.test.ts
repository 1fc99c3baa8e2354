// Ranges chosen out of histograms, held against what the values themselves say.
import { describe, expect, test } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { chooseRange } from "../../src/calibrate/ranges.ts";
import type { TensorStatistics } from "../../src/calibrate/statistics.ts";

const bins = 2048;

function observed(values: readonly number[]): TensorStatistics {
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const exponent = Math.floor(Math.log2(Math.max(-min, max))) + 1;
  const counts = Array.from({ length: bins }, () => 0);
  for (const value of values) {
    const bin = Math.floor(((value / 2 ** exponent + 1) * bins) / 2);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { count: values.length, min, max, meanSquare: 1, histogram: { exponent, counts } };
}

/** Normal by quantiles of the logistic: deterministic, with tails. */
const bell = Array.from({ length: 20_000 }, (_, i) => Math.log((i + 0.5) / (20_000 - i - 0.5)));
const withOutlier = [...bell, 60, -60];

const errorOf = (values: readonly number[], { min, max }: { min: number; max: number }, levels: number): number => {
  const step = (max - min) / (levels - 1);
  return values.reduce((sum, value) => {
    const code = Math.round((Math.min(max, Math.max(min, value)) - min) / step);
    return sum + (min + code * step - value) ** 2;
  }, 0);
};

describe("chooseRange", () => {
  test("minmax keeps all, and needs no histogram", () => {
    const { histogram: _, ...plain } = observed(withOutlier);
    expect(chooseRange("x", plain, { method: "minmax" })).toEqual({ min: -60, max: 60 });
    expect(() => chooseRange("x", plain, { method: "mse" })).toThrow(UsageError);
  });

  test.each([0.9, 0.99, 0.999])("percentile %d lies within a bin of the sorted values' own", (share) => {
    const sorted = withOutlier.toSorted((a, b) => a - b);
    const cut = Math.floor((sorted.length * (1 - share)) / 2);
    const { min, max } = chooseRange("x", observed(withOutlier), { method: "percentile", share });
    const width = 128 / bins;
    expect(Math.abs(min - (sorted[cut] ?? 0))).toBeLessThanOrEqual(width);
    expect(Math.abs(max - (sorted[sorted.length - 1 - cut] ?? 0))).toBeLessThanOrEqual(width);
  });

  test.each([3, 4, 8])("mse at %d bits is close to the best that trying on the values finds", (bits) => {
    const found = chooseRange("x", observed(bell), { method: "mse", bits });
    const tries = Array.from({ length: 100 }, (_, i) => {
      const end = (Math.max(...bell) * (i + 1)) / 100;
      return errorOf(bell, { min: -end, max: end }, 2 ** bits);
    });
    expect(errorOf(bell, found, 2 ** bits)).toBeLessThan(Math.min(...tries) * 1.05);
  });

  test("entropy and mse leave outliers out, and entropy keeps what is evenly spread", () => {
    for (const method of ["entropy", "mse"] as const) {
      const { min, max } = chooseRange("x", observed(withOutlier), { method, bits: method === "mse" ? 4 : 8 });
      expect(max).toBeLessThan(20);
      expect(min).toBeGreaterThan(-20);
      expect(max).toBeGreaterThan(2);
    }
    const even = Array.from({ length: 8192 }, (_, i) => (i - 4095.5) / 4096);
    expect(chooseRange("x", observed(even), { method: "entropy" }).max).toBeGreaterThan(0.95);
  });

  test("ranges of one sign stay on their side, and 0 alone stays 0", () => {
    const positive = bell.map(Math.abs);
    for (const method of ["percentile", "mse", "entropy"] as const) {
      expect(chooseRange("x", observed(positive), { method }).min).toBeGreaterThanOrEqual(0);
    }
    expect(chooseRange("x", { ...observed([1]), min: 0, max: 0 }, { method: "entropy" })).toEqual({ min: 0, max: 0 });
  });

  test.each([{ share: 0 }, { share: 1.1 }, { bits: 1 }, { bits: 8.5 }])("refuses %o", (options) => {
    expect(() => chooseRange("x", observed(bell), { method: "percentile", ...options })).toThrow(UsageError);
  });
});
