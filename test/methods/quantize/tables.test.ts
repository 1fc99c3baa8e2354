// NF4 and FP4 against bitsandbytes' own way: x / absmax in f32 against f32 midpoints.
import { assert as check, float, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { tableCode } from "../../../src/kernels/quantize/table-block.ref.ts";
import {
  dynamicMap,
  fp4Order,
  midpointsOf,
  tableThresholds,
  tableValues,
  type TableName,
} from "../../../src/kernels/quantize/tables.ts";
import { weights } from "../../support/float-data.ts";

const rank = (x: number, thresholds: readonly number[]): number => thresholds.filter((t) => x > t).length;

/** The published rule: one f32 reciprocal, one f32 product, then the decision tree. */
function publishedCode(x: number, absmax: number, table: TableName): number {
  const scaled = Math.fround(x * Math.fround(1 / absmax));
  if (table === "nf4") return rank(scaled, tableThresholds.nf4);
  return (fp4Order[rank(Math.abs(scaled), tableThresholds.fp4)] ?? 0) + (scaled < 0 ? 8 : 0);
}

/** Whether x / absmax is so near a threshold that two f32 roundings may cross it. */
function nearTie(x: number, absmax: number, table: TableName): boolean {
  const scaled = table === "nf4" ? x / absmax : Math.abs(x / absmax);
  return tableThresholds[table].some((t) => Math.abs(scaled - t) <= Math.abs(t) * 2 ** -22);
}

describe.each(["nf4", "fp4"] as const)("%s codes", (table) => {
  it("are those of the published rule but for near ties", () => {
    const values = weights(40_000, 17);
    let differing = 0;
    for (let start = 0; start < values.length; start += 64) {
      const block = values.slice(start, start + 64);
      const absmax = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      for (const x of block) {
        if (tableCode(x, absmax, table === "nf4") === publishedCode(x, absmax, table)) continue;
        differing += 1;
        expect(nearTie(x, absmax, table)).toBe(true);
      }
    }
    expect(differing).toBeLessThan(10);
  });

  it("choose the nearest entry, thresholds being midpoints to a few ulp", () => {
    const ratios = float({ noNaN: true, noDefaultInfinity: true, min: -1, max: 1 });
    check(
      property(ratios, float({ min: Math.fround(0.001), max: 1000, noNaN: true }), (ratio, absmax) => {
        const x = Math.fround(ratio * absmax);
        const values = tableValues[table];
        const error = (code: number): number => Math.abs((values[code] ?? 0) * absmax - x);
        const best = values.reduce((least, _, code) => Math.min(least, error(code)), Infinity);
        expect(error(tableCode(x, absmax, table === "nf4"))).toBeLessThanOrEqual(best + absmax * 2 ** -20);
      }),
      { seed: 5, numRuns: 2000 },
    );
  });

  it("decode to themselves", () => {
    for (const [code, value] of tableValues[table].entries()) {
      if (Object.is(value, -0)) continue;
      expect(tableCode(Math.fround(value * 8), 8, table === "nf4")).toBe(code);
    }
  });
});

describe("dynamic map", () => {
  const map = dynamicMap();

  it("holds 256 rising values: seven decades of both signs, 0 and 1", () => {
    expect(map.length).toBe(256);
    expect(new Set(map).size).toBe(256);
    expect([...map]).toEqual([...map].toSorted((a, b) => a - b));
    expect(map[127]).toBe(0);
    expect(map[255]).toBe(1);
    for (let i = 0; i < 127; i++) expect(map[i]).toBe(-(map[254 - i] ?? 0));
  });

  it("has the published values at the ends of its decades", () => {
    expect(map[128]).toBeCloseTo(5.5e-7, 13);
    expect(map[129]).toBeCloseTo(3.25e-6, 12);
    expect(map[130]).toBeCloseTo(7.75e-6, 12);
    expect(map[191]).toBeCloseTo(0.1070313, 6);
    expect(map[254]).toBeCloseTo(0.9929687, 6);
  });

  it("has midpoints strictly between neighbours", () => {
    const middles = midpointsOf(map);
    expect(middles.length).toBe(255);
    for (const [i, m] of middles.entries()) {
      expect(m).toBeGreaterThan(map[i] ?? NaN);
      expect(m).toBeLessThan(map[i + 1] ?? NaN);
    }
  });
});
