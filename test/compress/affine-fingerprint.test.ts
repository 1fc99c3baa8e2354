// The proof's fast way to an affine fingerprint against the plain one: decode by the reference, then sum.
import { array, assert, boolean, constant, constantFrom, integer, oneof, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHalf } from "../../src/base/half.ts";
import { affineFingerprint, type PackedAffine } from "../../src/compress/affine-fingerprint.ts";
import { fingerprintOf } from "../../src/compress/proof.ts";
import { affineDecodeReference } from "../../src/kernels/quantize/affine-decode.ref.ts";
import { affineDecodeCall } from "../../src/kernels/quantize/affine-decode.ts";
import { blocksPerRow, codeCount, elementsOf, groupCount, type Geometry } from "../../src/kernels/quantize/geometry.ts";

const small = integer({ min: 1, max: 5 });
const blocked = record({
  kind: constant("blocked" as const),
  outer: small,
  dim: integer({ min: 1, max: 90 }),
  inner: small,
  blockSize: constantFrom(16, 32, 64),
});
const wide = record({
  kind: constant("wide" as const),
  outer: small,
  channels: small,
  inner: integer({ min: 1, max: 300 }),
});

const packedAffine = record({
  geometry: oneof(blocked, wide),
  rows: boolean(),
  bits: constantFrom(2, 4, 8),
  signed: boolean(),
  halfScales: boolean(),
  asymmetric: boolean(),
  bytes: array(integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 50 }),
}).map(({ geometry, rows, bits, signed, halfScales, asymmetric, bytes }): PackedAffine => {
  const layout = rows && geometry.kind === "blocked" ? "rows" : "natural";
  let drawn = 0;
  const next = (): number => ((bytes[drawn % bytes.length] ?? 0) + 31 * drawn++) & 255;
  const groups = groupCount(geometry);
  const random = (length: number): Uint8Array => Uint8Array.from({ length }, next);
  const scales = Float32Array.from({ length: groups }, () => (next() - 128.5) / 1000);
  const zeroRows = layout === "rows" && geometry.kind === "blocked" ? groups / blocksPerRow(geometry) : 1;
  const packed: PackedAffine = {
    geometry,
    layout,
    bits,
    signed,
    halfScales,
    codes: random(Math.ceil((codeCount(geometry, layout) * bits) / 8)),
    scales: new Uint8Array(halfScales ? Uint16Array.from(scales, encodeHalf).buffer : scales.buffer),
  };
  return asymmetric
    ? Object.assign(packed, { zeroPoints: random(zeroRows * Math.ceil(((groups / zeroRows) * bits) / 8)) })
    : packed;
});

function plain({ geometry, layout, bits, signed, halfScales, codes, scales, zeroPoints }: PackedAffine): number {
  const scheme = zeroPoints ? "asymmetric" : "symmetric";
  const width = bits === 2 || bits === 8 ? bits : 4;
  const { params } = affineDecodeCall(geometry, layout, { bits: width, signed, scheme, halfScales });
  const decoded = new Uint8Array(elementsOf(geometry) * 4);
  affineDecodeReference(params, [codes, scales, zeroPoints ?? new Uint8Array(4), decoded]);
  return fingerprintOf(new Float32Array(decoded.buffer));
}

describe("affineFingerprint", () => {
  it("is the sum over what the reference decodes, for every geometry, layout and rule", () => {
    assert(
      property(packedAffine, (packed) => {
        expect(affineFingerprint(packed)).toBe(plain(packed));
      }),
      { numRuns: 400 },
    );
  });

  it("is that for channels that lie last under many rows, and for scales so small that products vanish", () => {
    for (const [channels, signed, scale] of [
      [1, true, 0.01],
      [16, false, -0.3],
      [37, true, 0.02],
      [37, false, 2 ** -149],
    ] as const) {
      const packed: PackedAffine = {
        geometry: { kind: "wide", outer: 300, channels, inner: 1 },
        layout: "natural",
        bits: 8,
        signed,
        halfScales: false,
        codes: Uint8Array.from({ length: 300 * channels }, (_, i) => (i * 41) ^ (i >> 7)),
        scales: new Uint8Array(Float32Array.from({ length: channels }, (_, i) => scale * (i + 0.5)).buffer),
        zeroPoints: Uint8Array.from({ length: channels }, (_, i) => i * 67),
      };
      expect(affineFingerprint(packed)).toBe(plain(packed));
    }
  });

  it("changes with any code, scale or zero point", () => {
    const geometry: Geometry = { kind: "blocked", outer: 2, dim: 64, inner: 3, blockSize: 32 };
    const packed: PackedAffine = {
      geometry,
      layout: "rows",
      bits: 4,
      signed: false,
      halfScales: false,
      codes: Uint8Array.from({ length: 192 }, (_, i) => i * 37),
      scales: new Uint8Array(Float32Array.from({ length: 12 }, (_, i) => 0.01 * (i + 1)).buffer),
      zeroPoints: Uint8Array.from({ length: 6 }, (_, i) => i * 53),
    };
    const before = affineFingerprint(packed);
    for (const part of ["codes", "scales", "zeroPoints"] as const) {
      for (const [at] of (packed[part] ?? []).entries()) {
        const changed = packed[part]?.slice() ?? new Uint8Array();
        changed[at] = (changed[at] ?? 0) ^ 1;
        expect(affineFingerprint({ ...packed, [part]: changed }), `${part} ${at}`).not.toBe(before);
      }
    }
  });
});
