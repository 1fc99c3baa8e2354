import { describe, expect, test } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { ConfusionMatrix, confusionFigures } from "../../src/evaluate/metrics/confusion.ts";
import { bootstrap, bootstrapMean, bootstrapRatio, meanOf } from "../../src/evaluate/statistics/bootstrap.ts";
import { confusionStatistic } from "../../src/evaluate/statistics/confusion-statistic.ts";
import { mcnemar } from "../../src/evaluate/statistics/mcnemar.ts";
import { normalCdf, normalQuantile, normalUpper } from "../../src/evaluate/statistics/normal.ts";
import { pairedBootstrapMean, pairedBootstrapRatio } from "../../src/evaluate/statistics/paired-bootstrap.ts";

// Figures of SciPy 1.17 where a comment says so.
const skewed = [0.1, 0.3, 0.2, 1.9, 0.4, 0.05, 3.2, 0.6, 0.9, 0.15, 0.33, 2.2, 0.7, 0.08, 1.1];

describe("the normal distribution", () => {
  test("as SciPy has it", () => {
    expect(normalCdf(-8)).toBeCloseTo(6.22096057e-16, 23);
    expect(normalCdf(-4.5) / 3.39767312e-6).toBeCloseTo(1, 8);
    expect(normalCdf(-1.96)).toBeCloseTo(0.0249978951, 10);
    expect(normalCdf(0)).toBe(0.5);
    expect(normalCdf(3)).toBeCloseTo(0.998650102, 9);
    expect(normalQuantile(0.025)).toBeCloseTo(-1.95996398, 8);
    expect(normalQuantile(1e-12)).toBeCloseTo(-7.03448383, 8);
    expect(normalQuantile(0.3)).toBeCloseTo(-0.52440051, 8);
  });

  test("quantile and CDF undo each other, from both sides of the seam", () => {
    for (let x = -8; x <= 5; x += 0.1) expect(normalQuantile(normalCdf(x))).toBeCloseTo(x, 7);
    expect(normalUpper(3.9999999) / normalUpper(4.0000001)).toBeCloseTo(1, 5);
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY);
    expect(normalQuantile(Number.NaN)).toBeNaN();
    expect(normalUpper(50)).toBe(0);
  });
});

describe("mcnemar", () => {
  test("exact for few, as SciPy's binomtest", () => {
    expect(mcnemar(10, 2)).toEqual({ onlyFirst: 10, onlySecond: 2, method: "exact", pValue: 0.03857421875 });
    expect(mcnemar(0, 6).pValue).toBe(0.03125);
    expect(mcnemar(12, 12).pValue).toBe(1);
    expect(mcnemar(5, 19).pValue).toBeCloseTo(0.006610751152038574, 15);
    expect(mcnemar(0, 0).pValue).toBe(1);
  });

  test("chi-square for many, with the continuity correction", () => {
    const { method, statistic, pValue } = mcnemar(30, 12);
    expect(method).toBe("chi-square");
    expect(statistic).toBeCloseTo(17 ** 2 / 42, 14);
    expect(pValue).toBeCloseTo(0.008711912962379598, 12);
    expect(mcnemar(15, 10).pValue).toBeCloseTo(0.4237107971667936, 12);
    // Equal counts leave nothing to correct.
    expect(mcnemar(25, 25)).toMatchObject({ statistic: 0, pValue: 1 });
  });

  test("does not care which is first, and takes counts only", () => {
    expect(mcnemar(40, 3).pValue).toBe(mcnemar(3, 40).pValue);
    expect(() => mcnemar(-1, 2)).toThrow(UsageError);
    expect(() => mcnemar(1.5, 2)).toThrow(UsageError);
  });
});

const onlyWithFirst = (indices: Uint32Array): number => (indices.includes(0) ? indices.length : Number.NaN);

/** Defined for few draws of four samples. */
const mostlyUndefined = (indices: Uint32Array): number => (new Set(indices).size === 4 ? 1 : Number.NaN);

const near = (value: number, expected: number, tolerance: number): void =>
  expect(Math.abs(value - expected)).toBeLessThan(tolerance);

describe("bootstrap", () => {
  test("intervals of a skewed mean, as SciPy's 400000 resamples have them", () => {
    const options = { resamples: 20000, seed: 3 };
    const bca = bootstrapMean(skewed, options);
    expect(bca.estimate).toBeCloseTo(12.21 / 15, 12);
    near(bca.low, 0.4607, 0.01);
    near(bca.high, 1.4233, 0.02);
    const percentile = bootstrapMean(skewed, { ...options, method: "percentile" });
    near(percentile.low, 0.4047, 0.01);
    near(percentile.high, 1.3053, 0.02);
    // BCa moves towards the long tail.
    expect(bca.low).toBeGreaterThan(percentile.low);
    expect(bca.high).toBeGreaterThan(percentile.high);
  });

  test("a ratio draws numerator and denominator together", () => {
    const interval = bootstrapRatio([3, 1, 4, 1, 5, 9, 2, 6], [2, 1, 3, 2, 4, 5, 1, 3], { resamples: 10000 });
    expect(interval.estimate).toBeCloseTo(31 / 21, 14);
    near(interval.low, 1.133, 0.02); // SciPy: 1.1333 to 1.75
    near(interval.high, 1.75, 0.02);
    expect(() => bootstrapRatio([1], [1, 2])).toThrow(UsageError);
  });

  test("repeats by seed", () => {
    expect(bootstrapMean(skewed, { seed: 5 })).toEqual(bootstrapMean(skewed, { seed: 5 }));
    expect(bootstrapMean(skewed, { seed: 5 }).low).not.toBe(bootstrapMean(skewed, { seed: 6 }).low);
  });

  test("the jackknife by formula gives what leaving samples out gives", () => {
    const options = { resamples: 500, seed: 2 };
    const byFormula = bootstrapMean(skewed, options);
    const direct = bootstrap(skewed.length, meanOf(skewed), options);
    expect(direct.low).toBeCloseTo(byFormula.low, 10);
    expect(direct.high).toBeCloseTo(byFormula.high, 10);
    // Beyond 400 samples groups are left out: the same skew, estimated more roughly.
    const many = Array.from(seededRandom(8).normals(900), (value) => Math.exp(value));
    const grouped = bootstrap(many.length, meanOf(many), { resamples: 400 });
    const exact = bootstrapMean(many, { resamples: 400 });
    expect(Math.abs(grouped.high - exact.high)).toBeLessThan(0.3 * (exact.high - exact.low));
  });

  test("covers the true mean about as often as it says", () => {
    const random = seededRandom(12, "coverage");
    let covered = 0;
    const rounds = 300;
    for (let round = 0; round < rounds; round++) {
      const values = Array.from({ length: 40 }, () => -Math.log(1 - random.uniform()));
      const { low, high } = bootstrapMean(values, { level: 0.9, resamples: 300, seed: round });
      if (low <= 1 && high >= 1) covered++;
    }
    expect(covered / rounds).toBeGreaterThan(0.83);
    expect(covered / rounds).toBeLessThan(0.95);
  });

  test("a wider level gives a wider interval that holds the narrower", () => {
    const [narrow, wide] = [0.8, 0.99].map((level) => bootstrapMean(skewed, { level }));
    expect(wide?.low).toBeLessThan(narrow?.low ?? 0);
    expect(wide?.high).toBeGreaterThan(narrow?.high ?? 0);
  });

  test("equal values have no spread, one sample neither", () => {
    expect(bootstrapMean([2, 2, 2])).toMatchObject({ estimate: 2, low: 2, high: 2 });
    expect(bootstrapMean([2])).toMatchObject({ low: 2, high: 2 });
  });

  test("draws for which the figure is not defined are left out", () => {
    expect(bootstrap(4, onlyWithFirst)).toMatchObject({ estimate: 4, low: 4, high: 4 });
    expect(() => bootstrap(4, () => Number.NaN)).toThrow(UsageError);
    expect(() => bootstrap(4, mostlyUndefined)).toThrow(UsageError);
  });

  test("refuses options out of range", () => {
    expect(() => bootstrapMean([])).toThrow(UsageError);
    for (const options of [{ level: 0 }, { level: 1 }, { resamples: 5 }, { resamples: 1.5 }, { level: Number.NaN }]) {
      expect(() => bootstrapMean(skewed, options)).toThrow(UsageError);
    }
  });
});

describe("paired bootstrap", () => {
  test("finds a small difference that two separate intervals would hide", () => {
    const random = seededRandom(6);
    const original = Array.from(random.normals(100, 10, 5));
    const compressed = original.map((value) => value + 0.3 + random.normal(0, 0.5));
    const paired = pairedBootstrapMean(original, compressed);
    expect(paired.excludesZero).toBe(true);
    expect(paired.estimate).toBeCloseTo(paired.compressed - paired.original, 12);
    expect(paired.low).toBeGreaterThan(0);
    expect(bootstrapMean(original).high).toBeGreaterThan(bootstrapMean(compressed).low);
  });

  test("finds none where there is none", () => {
    const random = seededRandom(7);
    const original = Array.from(random.normals(60));
    const other = original.map((value) => value + random.normal());
    expect(pairedBootstrapMean(original, other).excludesZero).toBe(false);
    expect(pairedBootstrapMean(original, original)).toMatchObject({
      estimate: 0,
      low: 0,
      high: 0,
      excludesZero: false,
    });
    expect(() => pairedBootstrapMean(original, [1])).toThrow(UsageError);
  });

  test("sums over shared denominators", () => {
    const paired = pairedBootstrapRatio([4, 6], [8, 12], [2, 3]);
    expect(paired).toMatchObject({ original: 2, compressed: 4, estimate: 2, excludesZero: true });
  });
});

describe("confusionStatistic", () => {
  const random = seededRandom(3);
  const pair = (count: number) => ({ label: random.int(0, 3), predicted: random.int(-1, 3), count });

  test.each([
    ["one pair a sample", Array.from({ length: 30 }, () => [pair(1)])],
    ["one pair a sample, counted more than once", Array.from({ length: 30 }, () => [pair(random.int(1, 4))])],
    ["several pairs a sample, or none", Array.from({ length: 30 }, (_, i) => (i === 4 ? [] : [pair(2), pair(i + 1)]))],
    [
      "as many pairs as samples, but not one each",
      Array.from({ length: 30 }, (_, i) => (i % 2 ? [] : [pair(1), pair(1)])),
    ],
  ])("equals the figures of the samples drawn: %s", (_, samples) => {
    const statistic = confusionStatistic(samples, (pairs) => confusionFigures(pairs).f1.macro);
    for (let round = 0; round < 10; round++) {
      const drawn = Uint32Array.from({ length: 30 }, () => random.int(0, 30));
      const matrix = new ConfusionMatrix(3);
      for (const index of drawn) {
        for (const { label, predicted, count } of samples[index] ?? []) matrix.add(label, predicted, count);
      }
      expect(statistic(drawn)).toBeCloseTo(matrix.figures().f1.macro, 12);
    }
  });
});
