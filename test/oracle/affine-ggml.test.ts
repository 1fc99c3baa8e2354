// Q4_0 and Q8_0 of ggml, called through its shared library, against our symmetric-full half-up int4 and
// symmetric half-away int8 in blocks of 32.
// ggml chooses codes under the f32 scale and then stores the scale as f16; we choose codes under the scale as
// stored. So codes are compared under f32 scales, where the rules are one, and scales after rounding to f16.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import koffi from "koffi";
import { describe, expect, it } from "vitest";
import { encodeHalf } from "../../src/base/half.ts";
import { affineBlockReference } from "../../src/kernels/quantize/affine-block.ref.ts";
import { affineBlockCall } from "../../src/kernels/quantize/affine-block.ts";
import type { AffineRule } from "../../src/kernels/quantize/affine-rule.ts";
import type { Geometry } from "../../src/kernels/quantize/geometry.ts";
import { asF32, getCode } from "../../src/kernels/quantize/shape.ts";
import { bytesOf, weights, withOutlier } from "../support/float-data.ts";

const library = resolve(
  import.meta.dirname,
  "../../node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/libggml-base.so",
);

interface Blocks {
  /** f16 bits per block. */
  readonly scales: readonly number[];
  readonly codes: readonly number[];
}

const count = 32 * 600;

function byGgml(type: number, blockBytes: number, source: Float32Array): Uint8Array {
  const quantize = koffi
    .load(library)
    .func(
      "size_t ggml_quantize_chunk(int type, const float *src, void *dst, int64_t start, int64_t nrows, int64_t n_per_row, const float *imatrix)",
    );
  const bytes = new Uint8Array((count / 32) * blockBytes);
  expect(Number(quantize(type, source, bytes, 0, 1, count, null))).toBe(bytes.length);
  return bytes;
}

/** Blocks of an f16 scale followed by codes; `codeAt` reads code j of the bytes after the scale. */
function unpack(bytes: Uint8Array, blockBytes: number, codeAt: (body: Uint8Array, j: number) => number): Blocks {
  const blocks = Array.from({ length: count / 32 }, (_, b) => bytes.subarray(b * blockBytes, (b + 1) * blockBytes));
  return {
    scales: blocks.map((block) => (block[0] ?? 0) | ((block[1] ?? 0) << 8)),
    codes: blocks.flatMap((block) => Array.from({ length: 32 }, (_, j) => codeAt(block.subarray(2), j))),
  };
}

function byUs(rule: AffineRule, source: Float32Array): Blocks {
  const geometry: Geometry = { kind: "blocked", outer: 1, dim: count, inner: 1, blockSize: 32 };
  const codes = new Uint8Array((count * rule.bits) / 8);
  const [scales, zeros] = [new Uint8Array(count / 8), new Uint8Array(count / 8)];
  affineBlockReference(affineBlockCall(geometry, "rows", rule).params, [bytesOf(source), codes, scales, zeros]);
  return {
    scales: [...asF32(scales)].map(encodeHalf),
    codes: Array.from({ length: count }, (_, at) => getCode(codes, at, rule.bits)),
  };
}

const sources = {
  weights: weights(count, 31),
  "small weights": weights(count, 32, 1e-3),
  outliers: withOutlier(count, 777, -9, 33),
};

describe.skipIf(!existsSync(library)).each(Object.entries(sources))("ggml, %s", (_name, source) => {
  it("chooses the same Q4_0 scales and codes", () => {
    const theirs = unpack(byGgml(2, 18, source), 18, (body, j) => ((body[j % 16] ?? 0) >> (j < 16 ? 0 : 4)) & 15);
    const rule = { bits: 4, signed: false, scheme: "symmetric-full", rounding: "half-up", halfScales: false } as const;
    expect(byUs(rule, source)).toEqual(theirs);
  });

  it("chooses the same Q8_0 scales and codes", () => {
    const theirs = unpack(byGgml(8, 34, source), 34, (body, j) => body[j] ?? 0);
    const rule = { bits: 8, signed: true, scheme: "symmetric", rounding: "half-away", halfScales: false } as const;
    expect(byUs(rule, source)).toEqual(theirs);
  });
});
