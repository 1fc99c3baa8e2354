// Steps of tables, casts and statistics on the references: sizes, chaining, what is refused.
import { describe, expect, it } from "vitest";
import { foldErrorRecords } from "../../../src/kernels/quantize/error-fold.ts";
import { kernelReferences } from "../../../src/kernels/references.ts";
import { castEncodeSteps, castErrorSteps } from "../../../src/methods/quantize/cast-steps.ts";
import type { EncodeRequest } from "../../../src/methods/quantize/encoding.ts";
import { histogramSteps } from "../../../src/methods/quantize/error-steps.ts";
import { tableEncodeSteps, tableErrorSteps } from "../../../src/methods/quantize/table-steps.ts";
import { transposeSteps } from "../../../src/methods/quantize/transpose-steps.ts";
import { bytesOf, weights } from "../../support/float-data.ts";
import { testProfile } from "../../support/plan-units.ts";
import { bufferOf, memoryOf, runByReference, type Memory } from "../../support/run-steps.ts";
import { flatRequest } from "../../support/table-requests.ts";

const profile = testProfile();

function runTable(request: EncodeRequest, values: Float32Array): { memory: Memory; sqnrDb: number; cosine: number } {
  const encoded = tableEncodeSteps(profile, request);
  const errors = tableErrorSteps(profile, request, encoded);
  const pieces = [encoded, { ...errors, uploads: [] }];
  const memory = memoryOf(pieces, { source: bytesOf(values) });
  runByReference(pieces, memory, kernelReferences);
  return { memory, ...foldErrorRecords(bufferOf(memory, errors.records.buffer)) };
}

function expectCode(request: EncodeRequest, code: string): void {
  expect(() => tableEncodeSteps(profile, request)).toThrow(expect.objectContaining({ code }));
}

describe("tableEncodeSteps", () => {
  it("keeps bell-shaped weights at 4 bits, NF4 better than FP4, double quantization nearly as good", () => {
    const values = weights(20_000);
    const nf4 = runTable(flatRequest({ kind: "table", table: "nf4" }, 20_000), values);
    const fp4 = runTable(flatRequest({ kind: "table", table: "fp4" }, 20_000), values);
    const nested = runTable(flatRequest({ kind: "table", table: "nf4", doubleQuantized: true }, 20_000), values);
    expect(nf4.sqnrDb).toBeGreaterThan(18);
    expect(nf4.sqnrDb).toBeGreaterThan(fp4.sqnrDb);
    expect(fp4.cosine).toBeGreaterThan(0.98);
    expect(Math.abs(nested.sqnrDb - nf4.sqnrDb)).toBeLessThan(0.2);
  });

  it("names every part with its bytes", () => {
    const plain = tableEncodeSteps(profile, flatRequest({ kind: "table", table: "nf4" }, 1001));
    expect(plain.codes.bytes).toBe(501);
    expect(plain.scales?.bytes).toBe(16 * 4);
    expect(plain.extra).toBeUndefined();
    const request = flatRequest({ kind: "table", table: "fp4", doubleQuantized: true }, 64 * 300);
    const { scales, extra, buffers } = tableEncodeSteps(profile, request);
    expect(scales?.bytes).toBe(300);
    expect(extra?.["nestedAbsmax"]?.bytes).toBe(8);
    expect(extra?.["nestedMap"]?.bytes).toBe(1024);
    expect(extra?.["nestedOffset"]?.bytes).toBe(4);
    for (const bytes of Object.values(buffers)) expect(bytes % 4).toBe(0);
  });

  it("refuses what the format can't hold", () => {
    const request = flatRequest({ kind: "table", table: "nf4" }, 1000);
    for (const blockSize of [8, 48, 8192]) {
      expectCode(flatRequest({ kind: "table", table: "nf4" }, 1000, blockSize), "USAGE");
    }
    expectCode({ ...request, search: { kind: "hqq" } }, "UNSUPPORTED");
    expectCode({ ...request, scaleType: "f16" }, "UNSUPPORTED");
    expectCode({ ...request, geometry: { kind: "wide", outer: 1, channels: 10, inner: 100 } }, "INTERNAL");
    expectCode({ ...request, geometry: { kind: "blocked", outer: 3, dim: 100, inner: 1, blockSize: 64 } }, "USAGE");
  });
});

describe("castEncodeSteps", () => {
  it("counts what leaves the range of f16 and measures the rest", () => {
    const values = Float32Array.of(1, 1e5, -1e-9, 0.333, NaN, 2049);
    const request = flatRequest({ kind: "cast", to: "f16" }, 6);
    const encoded = castEncodeSteps(profile, request);
    const errors = castErrorSteps(profile, request, encoded);
    const pieces = [encoded, { ...errors, uploads: [] }];
    const memory = memoryOf(pieces, { source: bytesOf(values) });
    runByReference(pieces, memory, kernelReferences);
    const counters = bufferOf(memory, encoded.extra?.["counters"]?.buffer ?? "");
    expect([...new Uint32Array(counters.buffer)]).toEqual([1, 1, 1]);
    const folded = foldErrorRecords(bufferOf(memory, errors.records.buffer));
    expect(folded).toMatchObject({ count: 6, nonFinite: 1, firstNonFinite: 4, maxAbsError: Infinity });
    expect(folded.clippedShare).toBeCloseTo(1 / 6, 12);
  });
});

describe("statistics steps", () => {
  it("transposes and counts", () => {
    const values = weights(6 * 35);
    const turned = transposeSteps(profile, { rows: 6, cols: 35, source: "source", target: "turned" });
    const counted = histogramSteps(profile, { source: "turned", count: 210, lo: -1, hi: 1, bins: 4, prefix: "h." });
    const pieces = [{ ...turned, uploads: [] }, counted];
    const memory = memoryOf(pieces, { source: bytesOf(values) });
    runByReference(pieces, memory, kernelReferences);
    const turnedValues = new Float32Array(bufferOf(memory, "turned").buffer);
    expect(turnedValues[7 * 6 + 3]).toBe(values[3 * 35 + 7]);
    const counts = [...new Uint32Array(bufferOf(memory, counted.records.buffer).buffer)];
    expect(counts.length).toBe(7);
    expect(counts.reduce((a, b) => a + b)).toBe(210);
    expect(counts[2]).toBe(values.filter((x) => x >= 0 && x < 0.5).length);
  });
});
