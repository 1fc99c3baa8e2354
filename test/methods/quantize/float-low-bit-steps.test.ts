// The float and very-low-bit encodings end to end on the references, held against the mathematics
// straight from the definitions: brute-force nearest values, means in f64.
import { assert, constantFrom, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { e2m1, e2m3, e3m2, e4m3fn, e5m2, largestValue, microfloatTable } from "../../../src/base/microfloat.ts";
import { elementsOf, groupCount, type CodeLayout, type Geometry } from "../../../src/kernels/quantize/geometry.ts";
import { kernelReferences } from "../../../src/kernels/references.ts";
import type { Encoding, ScaleType } from "../../../src/methods/quantize/encoding.ts";
import { portableProfile } from "../../../src/plan/portable-profile.ts";
import { bytesOf, uniform, weights } from "../../kernels/quantize/float-fixtures.ts";
import { bufferOf, memoryOf, runByReference } from "../../support/run-steps.ts";
import { encodeAndDecode, requestOf, stepsFor } from "../../support/float-encodings.ts";

const floatsOf = (bytes: Uint8Array): Float32Array =>
  new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

function run(
  encoding: Encoding,
  geometry: Geometry,
  layout: CodeLayout,
  values: Float32Array,
  scaleType: ScaleType = "f32",
) {
  const { pieces, encoded } = encodeAndDecode(portableProfile, requestOf(encoding, geometry, layout, scaleType));
  const memory = memoryOf(pieces, { source: bytesOf(values) });
  runByReference(pieces, memory, kernelReferences);
  const partOf = (part: { buffer: string; bytes: number } | undefined) =>
    part && bufferOf(memory, part.buffer).slice(0, part.bytes);
  return {
    decoded: floatsOf(bufferOf(memory, "decoded")),
    codes: partOf(encoded.codes),
    scales: partOf(encoded.scales),
    global: partOf(encoded.extra?.["globalScale"]),
  };
}

/** Source elements of each group, by their definition. */
function groupsOfSource(geometry: Geometry, values: Float32Array): number[][] {
  const groups = Array.from({ length: groupCount(geometry) }, (): number[] => []);
  for (const at of values.keys()) {
    const i = at % geometry.inner;
    const d = Math.floor(at / geometry.inner) % (geometry.kind === "wide" ? geometry.channels : geometry.dim);
    const o = Math.floor(at / geometry.inner / (geometry.kind === "wide" ? geometry.channels : geometry.dim));
    const blocks = geometry.kind === "wide" ? 0 : Math.ceil(geometry.dim / geometry.blockSize);
    const group = geometry.kind === "wide" ? d : (o * blocks + Math.floor(d / geometry.blockSize)) * geometry.inner + i;
    groups[group]?.push(at);
  }
  return groups;
}

const matrix = (blockSize: number): Geometry => ({ kind: "blocked", outer: 1, dim: 70, inner: 6, blockSize });
const rowsOf = (blockSize: number): Geometry => ({ kind: "blocked", outer: 6, dim: 70, inner: 1, blockSize });
const channels: Geometry = { kind: "wide", outer: 1, channels: 6, inner: 70 };
const layouts: CodeLayout[] = ["natural", "rows"];
const values = weights(420, 3);

const magnitudes = (group: readonly number[]): number[] => group.map((at) => Math.abs(values[at] ?? 0));
const mean = (list: readonly number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length;
const blockOf = (encoding: Encoding): number => (encoding.kind === "mx" ? 32 : 16);

describe("microscaling", () => {
  const elements = { e2m1, e2m3, e3m2, e4m3: e4m3fn, e5m2 } as const;
  const names = ["e2m1", "e2m3", "e3m2", "e4m3", "e5m2"] as const;

  it.each(names.flatMap((element) => layouts.map((layout) => ({ element, layout }))))(
    "$element in $layout order decodes to the nearest values under the smallest scale that holds the block",
    ({ element, layout }) => {
      const format = elements[element];
      const table = [...microfloatTable(format)].filter(Number.isFinite);
      for (const geometry of [matrix(32), rowsOf(32)]) {
        const { decoded } = run({ kind: "mx", element, scaleRule: "rceil" }, geometry, layout, values);
        for (const group of groupsOfSource(geometry, values)) {
          const absmax = Math.max(...group.map((at) => Math.abs(values[at] ?? 0)));
          const scale = 2 ** Math.ceil(Math.log2(absmax / largestValue(format)));
          for (const at of group) {
            const x = values[at] ?? 0;
            const best = Math.min(...table.map((v) => Math.abs(v * scale - x)));
            expect(Math.abs((decoded[at] ?? 0) - x)).toBe(best);
          }
        }
      }
    },
  );

  it("packs six-bit codes densely, sixteen in three words", () => {
    const { codes, scales } = run({ kind: "mx", element: "e2m3", scaleRule: "floor" }, rowsOf(32), "natural", values);
    expect(codes?.length).toBe((420 * 6) / 8);
    expect(scales?.length).toBe(18);
  });

  it("refuses other blocks and searches", () => {
    const request = requestOf({ kind: "mx", element: "e2m1", scaleRule: "floor" }, matrix(64), "rows", "f32");
    expect(() => stepsFor(request).encode(portableProfile, request)).toThrow(UnsupportedError);
    const searching = { ...request, geometry: matrix(32), search: { kind: "mse" } as const };
    expect(() => stepsFor(searching).encode(portableProfile, searching)).toThrow(UnsupportedError);
  });
});

describe("NVFP4", () => {
  it.each(layouts)("in %s order is nearest under E4M3 scales and one divisor", (layout) => {
    for (const geometry of [matrix(16), rowsOf(16)]) {
      const { decoded, global } = run({ kind: "nvfp4" }, geometry, layout, values);
      const divisor = floatsOf(global ?? new Uint8Array(4))[0] ?? 0;
      expect(divisor).toBe(Math.fround(2688 / Math.max(...values.map(Math.abs))));
      const locals = [...microfloatTable(e4m3fn)].slice(1, 127);
      for (const group of groupsOfSource(geometry, values)) {
        const wanted = (Math.max(...group.map((at) => Math.abs(values[at] ?? 0))) * divisor) / 6;
        const local = locals.toSorted((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted))[0] ?? 0;
        for (const at of group) {
          const x = values[at] ?? 0;
          const best = Math.min(...microfloatTable(e2m1).map((v) => Math.abs((v * local) / divisor - x)));
          expect(Math.abs((decoded[at] ?? 0) - x)).toBeLessThanOrEqual(best + Math.abs(x) * 2e-7);
        }
      }
    }
  });

  it("keeps a block that is tiny beside the tensor's largest", () => {
    const tiny = new Float32Array(32).fill(2e-6);
    tiny[0] = 1;
    const { decoded } = run(
      { kind: "nvfp4" },
      { kind: "blocked", outer: 1, dim: 32, inner: 1, blockSize: 16 },
      "rows",
      tiny,
    );
    expect(decoded[20]).toBeGreaterThan(1e-6);
  });
});

describe("FP8", () => {
  it.each([e4m3fn, e5m2])("$name is nearest under absmax / largest", (format) => {
    const element = format === e5m2 ? "e5m2" : "e4m3fn";
    const table = [...microfloatTable(format)].filter(Number.isFinite);
    for (const geometry of [channels, matrix(64), rowsOf(16)]) {
      for (const layout of layouts) {
        const { decoded, scales } = run({ kind: "float8", element }, geometry, layout, values);
        expect(scales?.length).toBe(groupCount(geometry) * 4);
        for (const group of groupsOfSource(geometry, values)) {
          const absmax = Math.max(...group.map((at) => Math.abs(values[at] ?? 0)));
          const scale = Math.fround(absmax / largestValue(format));
          for (const at of group) {
            const x = values[at] ?? 0;
            const best = Math.min(...table.map((v) => Math.abs(v * scale - x)));
            expect(Math.abs((decoded[at] ?? 0) - x)).toBeLessThanOrEqual(best + Math.abs(x) * 2 ** -23);
          }
        }
      }
    }
  });
});

describe("ternary and binary", () => {
  it.each(["twn", "absmean"] as const)("%s follows its paper", (rule) => {
    for (const geometry of [channels, matrix(64), rowsOf(16)]) {
      for (const layout of layouts) {
        const { decoded } = run({ kind: "ternary", rule }, geometry, layout, values);
        for (const group of groupsOfSource(geometry, values)) {
          const average = mean(magnitudes(group));
          const limit = average * (rule === "twn" ? 0.7 : 0.5);
          const alpha = rule === "twn" ? mean(magnitudes(group).filter((x) => x > limit)) : average;
          for (const at of group) {
            const x = values[at] ?? 0;
            expect(decoded[at]).toBeCloseTo(Math.abs(x) > limit ? Math.sign(x) * alpha : 0, 6);
          }
        }
      }
    }
  });

  it("binary keeps signs under the mean magnitude", () => {
    for (const geometry of [channels, matrix(64)]) {
      const { decoded, codes } = run({ kind: "binary" }, geometry, "natural", values);
      expect(codes?.length).toBe(Math.ceil(420 / 8));
      for (const group of groupsOfSource(geometry, values)) {
        for (const at of group) {
          expect(decoded[at]).toBeCloseTo(((values[at] ?? 0) >= 0 ? 1 : -1) * mean(magnitudes(group)), 6);
        }
      }
    }
  });

  it("means don't depend on the order of the elements", () => {
    const tensor: Geometry = { kind: "wide", outer: 1, channels: 1, inner: 4000 };
    assert(
      property(integer({ min: 1, max: 1e9 }), (seed) => {
        const next = uniform(seed);
        const one = Float32Array.from({ length: 4000 }, () => (next() - 0.5) * 2 ** Math.floor(next() * 20));
        const other = one.toReversed();
        for (const rule of ["twn", "absmean"] as const) {
          const first = run({ kind: "ternary", rule }, tensor, "natural", one).scales;
          expect(run({ kind: "ternary", rule }, tensor, "natural", other).scales).toEqual(first);
        }
      }),
      { numRuns: 5, seed: 1 },
    );
  });
});

describe("all encodings", () => {
  const encodings: Encoding[] = [
    { kind: "float8", element: "e4m3fn" },
    { kind: "float8", element: "e5m2" },
    { kind: "mx", element: "e2m1", scaleRule: "floor" },
    { kind: "mx", element: "e3m2", scaleRule: "even" },
    { kind: "nvfp4" },
    { kind: "ternary", rule: "twn" },
    { kind: "ternary", rule: "absmean" },
    { kind: "binary" },
  ];
  it("both layouts decode to the same values; codes and scales of a tensor scaled by 2^k stay or shift", () => {
    const shapes = record({
      outer: integer({ min: 1, max: 3 }),
      dim: integer({ min: 1, max: 70 }),
      inner: integer({ min: 1, max: 5 }),
    });
    assert(
      property(constantFrom(...encodings), shapes, integer({ min: 1, max: 1e9 }), (encoding, shape, seed) => {
        const geometry: Geometry = { kind: "blocked", ...shape, blockSize: blockOf(encoding) };
        const source = weights(elementsOf(geometry), seed);
        const natural = run(encoding, geometry, "natural", source).decoded;
        expect(run(encoding, geometry, "rows", source).decoded).toEqual(natural);
        const doubled = run(
          encoding,
          geometry,
          "natural",
          source.map((x) => x * 2),
        ).decoded;
        expect(doubled).toEqual(natural.map((x) => x * 2));
      }),
      { numRuns: 60, seed: 2 },
    );
  });

  it("encode what they decode to again to the same codes, where scales come from the largest element", () => {
    for (const encoding of encodings.slice(0, 2)) {
      const geometry: Geometry = { kind: "wide", outer: 1, channels: 3, inner: 100 };
      const source = weights(300, 5);
      const once = run(encoding, geometry, "natural", source);
      expect(run(encoding, geometry, "natural", once.decoded).codes).toEqual(once.codes);
    }
  });

  it("choose codes for scales as f16 stores them", () => {
    for (const encoding of encodings.filter(
      ({ kind }) => kind === "float8" || kind === "ternary" || kind === "binary",
    )) {
      const { scales, decoded } = run(encoding, channels, "natural", values, "f16");
      expect(scales?.length).toBe(12);
      const error = Math.max(...decoded.map((y, at) => Math.abs(y - (values[at] ?? 0))));
      expect(error).toBeLessThan(Math.max(...values.map(Math.abs)));
    }
  });
});
