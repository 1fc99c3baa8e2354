// Statistics of two halves are those of the whole; files that are none, or another model's, are refused.
import { describe, expect, test } from "vitest";
import { FormatError, NonFiniteError, UsageError } from "../../src/base/errors.ts";
import { binEdge, mergeHistograms, type Histogram } from "../../src/calibrate/histogram.ts";
import {
  mergeStatistics,
  readStatistics,
  statisticsToJson,
  type Statistics,
  type TensorStatistics,
} from "../../src/calibrate/statistics.ts";

const model = "ab".repeat(32);
const channels = 3;

const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;

/** Straight from the definitions. */
function observed(values: readonly number[], bins = 16): TensorStatistics {
  const by = (of: (channel: readonly number[]) => number): number[] =>
    Array.from({ length: channels }, (_, c) => of(values.filter((_value, i) => i % channels === c)));
  const absMax = Math.max(...values.map(Math.abs));
  const exponent = Math.floor(Math.log2(absMax)) + 1;
  const counts = Array.from({ length: bins }, () => 0);
  for (const value of values) {
    const bin = Math.floor(((value / 2 ** exponent + 1) * bins) / 2);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const gram = new Float64Array(channels ** 2);
  for (let row = 0; row < values.length; row += channels) {
    for (let at = 0; at < gram.length; at++) {
      const [i, j] = [Math.floor(at / channels), at % channels];
      gram[at] = (gram[at] ?? 0) + (values[row + i] ?? 0) * (values[row + j] ?? 0);
    }
  }
  return {
    count: values.length,
    min: Math.min(...values),
    max: Math.max(...values),
    meanSquare: mean(values.map((value) => value ** 2)),
    axis: 1,
    channelMeans: by(mean),
    channelAbsMax: by((list) => Math.max(...list.map(Math.abs))),
    channelAbsMean: by((list) => mean(list.map(Math.abs))),
    channelMeanSquare: by((list) => mean(list.map((value) => value ** 2))),
    histogram: { exponent, counts },
    gram,
  };
}

const whole = Array.from({ length: 90 }, (_, i) => Math.sin(i * 1.7) * (i < 30 ? 0.3 : 5) + 0.01 * i);
const statisticsOf = (values: readonly number[], samples = 1): Statistics => ({
  version: 1,
  model,
  samples,
  tensors: { x: observed(values) },
});
const close = (a: ArrayLike<number> = [], b: ArrayLike<number> = []): void => {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++) expect(a[i]).toBeCloseTo(b[i] ?? Number.NaN, 10);
};

describe("mergeStatistics", () => {
  test("gives those of the whole, where the halves differ in size and range", () => {
    const [a, b] = [statisticsOf(whole.slice(0, 30)), statisticsOf(whole.slice(30), 2)];
    const [merged, expected] = [mergeStatistics(a, b), observed(whole)];
    const x = merged.tensors["x"];
    expect(merged.samples).toBe(3);
    expect(x?.count).toBe(expected.count);
    expect([x?.min, x?.max]).toEqual([expected.min, expected.max]);
    expect(x?.histogram).toEqual(expected.histogram);
    expect(x?.channelAbsMax).toEqual(expected.channelAbsMax);
    expect(x?.meanSquare).toBeCloseTo(expected.meanSquare, 10);
    close(x?.channelMeans, expected.channelMeans);
    close(x?.channelAbsMean, expected.channelAbsMean);
    close(x?.channelMeanSquare, expected.channelMeanSquare);
    close(x?.gram, expected.gram);
  });

  test("refuses those of another model, of other tensors and of other bins", () => {
    const a = statisticsOf(whole);
    expect(() => mergeStatistics(a, { ...a, model: "cd".repeat(32) })).toThrow(UsageError);
    expect(() => mergeStatistics(a, { ...a, tensors: { y: observed(whole) } })).toThrow('"x"');
    expect(() => mergeStatistics(a, { ...a, tensors: { x: observed(whole, 32) } })).toThrow("bins");
  });
});

test("histograms merge over the wider range, from either side", () => {
  const narrow: Histogram = { exponent: 0, counts: [1, 2, 3, 4, 5, 6, 7, 8] };
  const wide: Histogram = { exponent: 2, counts: [1, 0, 0, 0, 0, 0, 0, 9] };
  const expected = { exponent: 2, counts: [1, 0, 0, 10, 26, 0, 0, 9] };
  expect(mergeHistograms(narrow, wide)).toEqual(expected);
  expect(mergeHistograms(wide, narrow)).toEqual(expected);
  expect([0, 4, 8].map((bin) => binEdge(wide, bin))).toEqual([-4, 0, 4]);
});

describe("readStatistics", () => {
  const text = statisticsToJson(statisticsOf(whole));

  test("reads what was written, without second moments", () => {
    const { gram, ...rest } = observed(whole);
    expect(gram).toBeDefined();
    expect(readStatistics(text, "s.json", model).tensors["x"]).toEqual(rest);
  });

  test("refuses another model's", () => {
    expect(() => readStatistics(text, "s.json", "cd".repeat(32))).toThrow(UsageError);
  });

  test.each([
    ["no JSON", "{"],
    ["another version", text.replace('"version": 1', '"version": 2')],
    ["no samples", text.replace('"samples": 1', '"samples": 0')],
    ["no tensors", JSON.stringify({ version: 1, model, samples: 1, tensors: {} })],
    ["a broken histogram", text.replace('"exponent": ', '"exponent": 1000')],
    ["min above max", text.replace(/"min": [-.\d]+/, '"min": 1000')],
  ])("refuses %s", (_, broken) => {
    expect(() => readStatistics(broken, "s.json")).toThrow(FormatError);
  });

  test("names the tensor whose figures are not finite", () => {
    const broken = text.replace(/"max": [-.\d]+/, '"max": null');
    expect(() => readStatistics(broken, "s.json")).toThrow(NonFiniteError);
    expect(() => readStatistics(broken, "s.json")).toThrow('"x"');
  });
});
