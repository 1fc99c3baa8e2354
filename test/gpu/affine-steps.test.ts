// Whole chains of affine steps on the device: every buffer they leave equals the references', codes and error
// counts to the bit, whichever kernels a shape goes through.
import { describe, expect, it } from "vitest";
import { foldErrorRecords } from "../../src/kernels/quantize/error-fold.ts";
import { elementsOf, type CodeLayout, type Geometry } from "../../src/kernels/quantize/geometry.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { affineEncodeSteps, affineErrorSteps } from "../../src/methods/quantize/affine-steps.ts";
import type { AffineEncoding, EncodeRequest, ScaleType } from "../../src/methods/quantize/encoding.ts";
import { bytesOf, weights, withOddBits } from "../support/float-data.ts";
import { testDevice } from "../support/gpu.ts";
import { bufferOf, memoryOf, runByReference, runOnDevice } from "../support/run-steps.ts";

const device = testDevice();

const int4: AffineEncoding = {
  kind: "affine",
  bits: 4,
  signed: false,
  scheme: "symmetric-full",
  rounding: "half-up",
};
const uint4: AffineEncoding = { ...int4, scheme: "asymmetric" };
const int8: AffineEncoding = { kind: "affine", bits: 8, signed: true, scheme: "symmetric", rounding: "half-even" };
const uint8: AffineEncoding = { ...int8, signed: false, scheme: "asymmetric" };

const blocked = (outer: number, dim: number, inner: number, blockSize = 32): Geometry => ({
  kind: "blocked",
  outer,
  dim,
  inner,
  blockSize,
});
const wide = (outer: number, channels: number, inner: number): Geometry => ({ kind: "wide", outer, channels, inner });

type Case = readonly [name: string, AffineEncoding, Geometry, CodeLayout, ScaleType, kernels: number];

/** Kernels counts what a chain needs: fused blocks one, staged ones three, wide ones the tree of their ranges. */
const cases: readonly Case[] = [
  ["int4 rows of [N, K], fused", int4, blocked(37, 192, 1), "rows", "f32", 2],
  ["uint4 rows of [K, N], fused, f16", uint4, blocked(1, 150, 41), "rows", "f16", 3],
  ["uint4 natural [K, N], staged", uint4, blocked(1, 150, 41), "natural", "f32", 4],
  ["int8 per tensor", int8, wide(1, 1, 300_001), "natural", "f32", 5],
  ["uint8 per channel, first", uint8, wide(1, 40, 1000), "natural", "f32", 5],
  ["uint8 per channel, last, f16", uint8, wide(1000, 40, 1), "natural", "f16", 6],
];

function requestOf([, encoding, geometry, layout, scaleType]: Case): EncodeRequest {
  return { encoding, geometry, layout, search: { kind: "absmax" }, scaleType, source: "source", prefix: "q." };
}

describe.each(cases)("%s", (...given) => {
  it.each(["weights", "odd bits"])("%s", async (content) => {
    const gpu = await device();
    const request = requestOf(given);
    const count = elementsOf(request.geometry);
    const source = content === "weights" ? weights(count) : withOddBits(count);
    const encoded = affineEncodeSteps(gpu.profile, request);
    const errors = affineErrorSteps(request, encoded);
    expect(encoded.steps).toHaveLength(given[5]);
    const pieces = [encoded, { ...errors, uploads: [] }];
    const want = memoryOf(pieces, { source: bytesOf(source) });
    const got = memoryOf(pieces, { source: bytesOf(source) });
    runByReference(pieces, want, kernelReferences);
    await runOnDevice(gpu, pieces, got, kernelSpecs);
    for (const [name, bytes] of want) {
      if (name === errors.records.buffer) continue;
      expect(Buffer.compare(bufferOf(got, name), bytes), name).toBe(0);
    }
    const [onDevice, onHost] = [got, want].map((memory) => foldErrorRecords(bufferOf(memory, errors.records.buffer)));
    for (const word of ["count", "clippedShare", "nonFinite", "firstNonFinite", "fingerprint"] as const) {
      expect(onDevice?.[word], word).toBe(onHost?.[word]);
    }
    if (content === "weights") {
      expect(onDevice?.sqnrDb).toBeCloseTo(onHost?.sqnrDb ?? 0, 3);
      expect(onDevice?.cosine).toBeGreaterThan(0.99);
    }
  });
});
