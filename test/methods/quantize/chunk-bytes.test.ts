// However a weight is cut, its packed bytes are those of the whole: along groups and within them, over shapes, layouts,
// encodings, searches and source types; and what the file holds decodes to what was measured.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHalf } from "../../../src/base/half.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { fingerprintOfChunk } from "../../../src/compress/proof.ts";
import { foldErrorRecords } from "../../../src/kernels/quantize/error-fold.ts";
import { codeCount, elementsOf, groupCount, type Geometry } from "../../../src/kernels/quantize/geometry.ts";
import { zeroPointBytes } from "../../../src/kernels/quantize/pack-zero-points.ts";
import { kernelReferences } from "../../../src/kernels/references.ts";
import { chunksOf } from "../../../src/methods/quantize/chunks.ts";
import { cutGroups } from "../../../src/methods/quantize/cut-groups.ts";
import { cutUnits, readsOfCut } from "../../../src/methods/quantize/cut-units.ts";
import type { AffineEncoding, Encoding, ScaleSearch } from "../../../src/methods/quantize/encoding.ts";
import { codeBits, type PackedPart, type PackedWeight, type PartName } from "../../../src/methods/quantize/packed.ts";
import { quantizeUnits, type QuantizeUnits } from "../../../src/methods/quantize/units.ts";
import { planUnits } from "../../../src/plan/plan-units.ts";
import { CpuBackend } from "../../../src/run/cpu-backend.ts";
import { runPlan } from "../../../src/run/run-plan.ts";

const partNames = ["codes", "scales", "zeroPoints"] as const;
type Parts = Partial<Record<PartName, Uint8Array>>;

interface Wanted extends Pick<PackedWeight, "geometry" | "layout" | "encoding" | "sourceType" | "transpose"> {
  readonly search?: ScaleSearch;
  readonly scaleType?: PackedWeight["scaleType"];
}

const partOf = (name: PartName, bytes: number): PackedPart => ({ key: name, tensor: name, bytes });

function weightOf({ search = { kind: "absmax" }, scaleType = "f32", ...wanted }: Wanted): PackedWeight {
  const { geometry, layout, encoding } = wanted;
  const codes = partOf("codes", Math.ceil((codeCount(geometry, layout) * codeBits(encoding)) / 8));
  const parts = {
    codes,
    ...(encoding.kind === "cast"
      ? {}
      : { scales: partOf("scales", groupCount(geometry) * (scaleType === "f16" ? 2 : 4)) }),
    ...(encoding.kind === "affine" && encoding.scheme === "asymmetric"
      ? { zeroPoints: partOf("zeroPoints", zeroPointBytes(geometry, layout, encoding.bits)) }
      : {}),
  };
  return { id: "w", source: "w", sourceElement: 3, search, scaleType, parts, ...wanted };
}

/** Bytes of the weight's source: normals with an outlier, three foreign elements before them. */
function sourceOf({ geometry, sourceType, sourceElement }: PackedWeight, seed: number): Uint8Array {
  const values = seededRandom(seed).normals(sourceElement + elementsOf(geometry), 0.02, 1);
  values[sourceElement + (seed % elementsOf(geometry))] = 5;
  if (sourceType === "f32") return new Uint8Array(values.buffer);
  const words = Uint16Array.from(values, (x) => (sourceType === "f16" ? encodeHalf(x) : bf16Of(x)));
  return new Uint8Array(words.buffer);
}

const bf16Of = (x: number): number => (new Uint32Array(Float32Array.of(x).buffer)[0] ?? 0) >>> 16;

/** Runs units on memory that starts as garbage, and lays their parts where the file would have them. */
async function packedBy({ units, results }: QuantizeUnits, weight: PackedWeight, source: Uint8Array): Promise<Parts> {
  const files: Parts = {};
  for (const name of partNames) {
    const part = weight.parts[name];
    if (part) files[name] = new Uint8Array(part.bytes).fill(0xee);
  }
  const measured = new Map<string, number>();
  const backend = new CpuBackend(kernelReferences, { poison: 0xcd });
  await runPlan(planUnits(units, backend.profile, { groupBytes: 20_000 }), backend, {
    read: async (_, { offset, rowBytes, rows, rowStride }, into) => {
      for (let row = 0; row < rows; row++) {
        const from = offset + row * rowStride;
        into.set(source.subarray(from, from + rowBytes), row * rowBytes);
      }
    },
    deliver: async (unit, delivered) => {
      const result = results.find((each) => each.unit === unit);
      for (const name of partNames) {
        const bytes = delivered.get(result?.parts[name] ?? "");
        const placement = result?.chunk.placements[name];
        if (!bytes || !placement) continue;
        for (let row = 0; row < placement.rows; row++) {
          const run = bytes.subarray(row * placement.rowBytes, (row + 1) * placement.rowBytes);
          files[name]?.set(run, placement.offset + row * placement.stride);
        }
      }
      const records = delivered.get(result?.records ?? "");
      if (records) measured.set(unit, foldErrorRecords(records).fingerprint);
    },
  });
  for (const { unit, chunk } of results) {
    const read = (name: PartName): Uint8Array | undefined => {
      const placement = chunk.placements[name];
      if (!placement) return undefined;
      const { offset, rowBytes, rows, stride } = placement;
      const bytes = new Uint8Array(rows * rowBytes);
      for (let row = 0; row < rows; row++) {
        const from = offset + row * stride;
        bytes.set(files[name]?.subarray(from, from + rowBytes) ?? [], row * rowBytes);
      }
      return bytes;
    };
    const parts: Parts = {};
    for (const name of partNames) {
      const bytes = read(name);
      if (bytes) parts[name] = bytes;
    }
    expect(fingerprintOfChunk(weight, chunk, parts), `${unit} decodes to what was measured`).toBe(measured.get(unit));
  }
  return files;
}

const profile = new CpuBackend(kernelReferences).profile;

/** Cuts within groups; undefined where the weight can't be cut so. */
function cutWithin(weight: PackedWeight, maxElements: number): QuantizeUnits | undefined {
  const cuts = cutGroups(weight, maxElements);
  const made = cuts?.map((cut) => cutUnits(profile, weight, cut));
  return made && { units: made.flatMap(({ units }) => units), results: made.flatMap(({ results }) => results) };
}

const schemes = fc.constantFrom<AffineEncoding["scheme"]>("symmetric", "symmetric-full", "asymmetric");
const affine = fc.record({
  kind: fc.constant("affine" as const),
  bits: fc.constantFrom<2 | 4 | 8>(2, 4, 8),
  signed: fc.boolean(),
  scheme: schemes,
  rounding: fc.constant("half-even" as const),
});
const searchList: readonly ScaleSearch[] = [
  { kind: "absmax" },
  { kind: "percentile", percentile: 97 },
  { kind: "mse" },
  { kind: "hqq" },
];
const sourceTypes = fc.constantFrom<PackedWeight["sourceType"]>("f32", "f16", "bf16");
const scaleTypes = fc.constantFrom<PackedWeight["scaleType"]>("f32", "f16");

const wide: fc.Arbitrary<Wanted> = fc
  .record({
    shape: fc.oneof(
      fc.tuple(fc.constant(1), fc.constant(1), fc.integer({ min: 1, max: 900 })),
      fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 9 })),
      fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 10 }), fc.constantFrom(8, 64, 200)),
      fc.tuple(fc.integer({ min: 1, max: 40 }), fc.constant(16), fc.constant(1)),
    ),
    encoding: affine,
    search: fc.constantFrom(...searchList),
    sourceType: sourceTypes,
    scaleType: scaleTypes,
  })
  .map(({ shape: [outer, channels, inner], encoding, search, sourceType, scaleType }) => ({
    geometry: { kind: "wide", outer, channels, inner } as const,
    layout: "natural" as const,
    encoding,
    search,
    sourceType,
    scaleType,
  }));

const transposed: fc.Arbitrary<Wanted> = fc
  .record({ rows: fc.integer({ min: 1, max: 30 }), cols: fc.integer({ min: 1, max: 30 }), encoding: affine })
  .map(({ rows, cols, encoding }) => ({
    geometry: { kind: "wide", outer: cols, channels: rows, inner: 1 } as const,
    layout: "natural" as const,
    encoding: { ...encoding, bits: 8 as const },
    sourceType: "f32" as const,
    transpose: { rows, cols },
  }));

const blocked: fc.Arbitrary<Wanted> = fc
  .record({
    outer: fc.integer({ min: 1, max: 4 }),
    dim: fc.oneof(fc.integer({ min: 1, max: 130 }), fc.constantFrom(32, 64, 320)),
    inner: fc.integer({ min: 1, max: 9 }),
    blockSize: fc.constantFrom(16, 32),
    layout: fc.constantFrom<PackedWeight["layout"]>("natural", "rows"),
    encoding: affine,
    sourceType: sourceTypes,
    scaleType: scaleTypes,
  })
  .map(({ outer, dim, inner, blockSize, layout, encoding, sourceType, scaleType }) => ({
    geometry: { kind: "blocked", outer, dim, inner, blockSize } as const,
    layout,
    encoding,
    sourceType,
    scaleType,
  }));

const flat: fc.Arbitrary<Wanted> = fc
  .record({
    rows: fc.integer({ min: 1, max: 40 }),
    cols: fc.integer({ min: 1, max: 40 }),
    encoding: fc.constantFrom<Encoding>({ kind: "table", table: "nf4" }, { kind: "cast", to: "f16" }),
    turned: fc.boolean(),
  })
  .map(({ rows, cols, encoding, turned }): Wanted => {
    const [layout, sourceType, elements] = ["natural", "f32", rows * cols] as const;
    if (encoding.kind === "cast") {
      return { geometry: { kind: "wide", outer: 1, channels: elements, inner: 1 }, layout, encoding, sourceType };
    }
    const geometry = { kind: "blocked", outer: 1, dim: elements, inner: 1, blockSize: 64 } as const;
    const transpose = { rows, cols };
    if (!turned) return { geometry, layout, encoding, sourceType };
    return { geometry, layout, encoding, sourceType, transpose };
  });

const wholeOf = (weight: PackedWeight): QuantizeUnits => quantizeUnits(profile, weight, chunksOf(weight, 2 ** 28));

describe("a weight in chunks has the bytes of the whole", () => {
  it.each<[string, fc.Arbitrary<Wanted>]>([
    ["wide groups", wide],
    ["transposed", transposed],
    ["blocks", blocked],
    ["tables and casts", flat],
  ])("cut along its groups: %s", async (_, wanted) => {
    let chunked = 0;
    await fc.assert(
      fc.asyncProperty(wanted, fc.integer({ min: 1, max: 12 }), fc.nat(1000), async (request, pieces, seed) => {
        const weight = weightOf(request);
        const most = Math.ceil(elementsOf(weight.geometry) / pieces);
        const source = sourceOf(weight, seed);
        const chunks = quantizeUnits(profile, weight, chunksOf(weight, most));
        chunked += chunks.results.length > 1 ? 1 : 0;
        expect(await packedBy(chunks, weight, source)).toEqual(await packedBy(wholeOf(weight), weight, source));
      }),
      { numRuns: 50 },
    );
    expect(chunked).toBeGreaterThan(10);
  });

  it.each(searchList)("cut within its groups, $kind", async (search) => {
    let cuts = 0;
    await fc.assert(
      fc.asyncProperty(wide, fc.integer({ min: 2, max: 5 }), fc.nat(1000), async (request, pieces, seed) => {
        const weight = weightOf({ ...request, search });
        const cut = cutWithin(weight, Math.ceil(elementsOf(weight.geometry) / pieces));
        if (!cut) return;
        cuts += cut.results.length > 1 ? 1 : 0;
        const source = sourceOf(weight, seed);
        expect(await packedBy(cut, weight, source)).toEqual(await packedBy(wholeOf(weight), weight, source));
      }),
      { numRuns: 24 },
    );
    expect(cuts).toBeGreaterThan(4);
  });
});

describe("cutting within groups", () => {
  const encoding = { kind: "affine", bits: 4, signed: true, scheme: "asymmetric", rounding: "half-even" } as const;
  const weight = (geometry: Geometry, more: Partial<Wanted> = {}): PackedWeight =>
    weightOf({ geometry, layout: "natural", encoding, sourceType: "f32", ...more });

  it("keeps chunks within the asked size, but for a few elements that fill bytes", () => {
    const [cut] = cutGroups(weight({ kind: "wide", outer: 1, channels: 1, inner: 1001 }), 100) ?? [];
    expect(cut?.chunks.map(({ elements }) => elements)).toEqual([...Array.from({ length: 10 }, () => 96), 41]);
  });

  it("is not needed for long rows of whole blocks", () => {
    const rows = weight({ kind: "blocked", outer: 3, dim: 640, inner: 2, blockSize: 32 });
    const chunks = chunksOf(rows, 600);
    expect(chunks.map(({ elements }) => elements)).toEqual([512, 512, 512, 512, 512, 512, 512, 256]);
  });

  it("is refused where codes would not start on a byte, for blocks, and for what is transposed", () => {
    expect(cutGroups(weight({ kind: "wide", outer: 1, channels: 3, inner: 7 }), 4)).toBeUndefined();
    expect(cutGroups(weight({ kind: "blocked", outer: 1, dim: 64, inner: 1, blockSize: 32 }), 4)).toBeUndefined();
    const turned = { transpose: { rows: 1, cols: 64 } };
    expect(cutGroups(weight({ kind: "wide", outer: 64, channels: 1, inner: 1 }, turned), 4)).toBeUndefined();
  });

  it("reads the elements once for the range, once per round of the search, once for the codes", () => {
    const geometry = { kind: "wide", outer: 1, channels: 1, inner: 640 } as const;
    const reads = (search: ScaleSearch): number => {
      const packed = weight(geometry, { search });
      const [cut] = cutGroups(packed, 64) ?? [];
      if (!cut) throw new Error("it can be cut");
      const { units } = cutUnits(profile, packed, cut);
      expect(units.length).toBe(readsOfCut(packed, cut) * cut.chunks.length);
      return readsOfCut(packed, cut);
    };
    expect(reads({ kind: "absmax" })).toBe(2);
    expect(reads({ kind: "percentile", percentile: 99 })).toBe(10);
    expect(reads({ kind: "mse" })).toBe(7);
    expect(reads({ kind: "hqq" })).toBe(23);
  });

  it("says which searches take a group of 2^29 elements or more", () => {
    const geometry = { kind: "wide", outer: 1, channels: 1, inner: 2 ** 29 } as const;
    const units = (search: ScaleSearch): QuantizeUnits | undefined => cutWithin(weight(geometry, { search }), 2 ** 23);
    expect(() => units({ kind: "mse" })).toThrow(/mse search takes groups of fewer than 2\^29/);
    expect(() => units({ kind: "hqq" })).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
    expect(units({ kind: "absmax" })?.results).toHaveLength(64);
    expect(units({ kind: "percentile", percentile: 99 })?.results).toHaveLength(64);
  });
});
