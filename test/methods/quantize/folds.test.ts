// Folding records of errors and ranges, and the edges of histograms.
import { describe, expect, it } from "vitest";
import { foldErrorRecords } from "../../../src/kernels/quantize/error-fold.ts";
import { tensorErrorReference } from "../../../src/kernels/stats/tensor-error.ref.ts";
import { tensorErrorBytes, tensorErrorCall } from "../../../src/kernels/stats/tensor-error.ts";
import { histogramEdges } from "../../../src/kernels/stats/histogram.ts";
import { foldRangeRecords } from "../../../src/kernels/stats/range-fold.ts";
import { tensorRangeReference } from "../../../src/kernels/stats/tensor-range.ref.ts";
import { tensorRangeBytes, tensorRangeCall } from "../../../src/kernels/stats/tensor-range.ts";
import { bytesOf, weights } from "../../support/float-data.ts";

function errors(source: readonly number[], decoded: readonly number[], clipLimit = Infinity): Uint8Array {
  const records = new Uint8Array(tensorErrorBytes(source.length));
  const { params } = tensorErrorCall(source.length, { clipLimit });
  tensorErrorReference(params, [bytesOf(Float32Array.from(source)), bytesOf(Float32Array.from(decoded)), records]);
  return records;
}

function range(source: readonly number[]): Uint8Array {
  const records = new Uint8Array(tensorRangeBytes(source.length));
  tensorRangeReference(tensorRangeCall(source.length).params, [bytesOf(Float32Array.from(source)), records]);
  return records;
}

describe("foldErrorRecords", () => {
  it("gives the textbook figures", () => {
    const folded = foldErrorRecords(errors([1, -2, 3, 4, 0], [1, -1, 3, 2, 0]));
    expect(folded).toMatchObject({ count: 5, maxAbsError: 2, minSource: -2, maxSource: 4, nonFinite: 0 });
    expect(folded.mse).toBeCloseTo(5 / 5, 12);
    expect(folded.sqnrDb).toBeCloseTo(10 * Math.log10(30 / 5), 10);
    expect(folded.cosine).toBeCloseTo(20 / Math.sqrt(30 * 15), 10);
    expect(folded.firstNonFinite).toBeUndefined();
  });

  it("weighs the fingerprint by position and ignores the sign of zero", () => {
    expect(foldErrorRecords(errors([0, 0], [1, -0])).fingerprint).toBe(0x3f800000);
    expect(foldErrorRecords(errors([0, 0], [-0, 1])).fingerprint).toBe((0x3f800000 * 3) % 2 ** 32);
  });

  it("is exact without error and infinite where a value was lost", () => {
    expect(foldErrorRecords(errors([1, 2], [1, 2]))).toMatchObject({ mse: 0, sqnrDb: Infinity, cosine: 1 });
    expect(foldErrorRecords(errors([0, 0], [0, 0]))).toMatchObject({ mse: 0, sqnrDb: Infinity, cosine: 1 });
    const lost = foldErrorRecords(errors([1e5, 1], [Infinity, 1], 65_504));
    expect(lost).toMatchObject({ mse: Infinity, sqnrDb: -Infinity, maxAbsError: Infinity, clippedShare: 0.5 });
  });

  it("counts non-finite sources and leaves them out", () => {
    const folded = foldErrorRecords(errors([1, NaN, -Infinity, 2], [1, 0, 0, 1]));
    expect(folded).toMatchObject({ count: 4, nonFinite: 2, firstNonFinite: 1, minSource: 1, maxSource: 2, mse: 0.5 });
    expect(foldErrorRecords(errors([NaN], [0]))).toMatchObject({ nonFinite: 1, mse: 0, minSource: NaN });
  });
});

describe("foldRangeRecords", () => {
  it("gives the textbook figures", () => {
    const folded = foldRangeRecords(range([1, -2, 0, 5, NaN, -0]));
    expect(folded).toMatchObject({ count: 6, min: -2, max: 5, zeros: 2, nonFinite: 1, firstNonFinite: 4 });
    expect(folded.mean).toBeCloseTo(4 / 5, 12);
    expect(folded.rms).toBeCloseTo(Math.sqrt(30 / 5), 12);
    expect(folded.std).toBeCloseTo(Math.sqrt(30 / 5 - (4 / 5) ** 2), 12);
  });

  it("agrees with plain sums over many segments", () => {
    const values = [...weights(30_001)].map(Math.fround);
    const folded = foldRangeRecords(range(values));
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    expect(folded.mean).toBeCloseTo(mean, 8);
    expect(folded.min).toBe(values.reduce((a, b) => Math.min(a, b)));
  });
});

describe("histogramEdges", () => {
  it("rises from lo to hi and refuses what makes no histogram", () => {
    const edges = histogramEdges(-1, 3, 8);
    expect([...edges]).toEqual([-1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3]);
    expect([...histogramEdges(0, 0, 2)].toSorted((a, b) => a - b)[1]).toBe(0);
    for (const [lo, hi, bins] of [
      [1, 0, 4],
      [NaN, 1, 4],
      [0, Infinity, 4],
      [0, 1, 0],
      [0, 1, 257],
    ] as const) {
      expect(() => histogramEdges(lo, hi, bins)).toThrow(expect.objectContaining({ code: "USAGE" }));
    }
  });
});
