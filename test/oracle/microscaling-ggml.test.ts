// MXFP4 and the 1-bit sign code against ggml's own quantizer, called through its shared library.
// ggml takes the floor scale and, of two equally near values, the one of smaller magnitude; ours takes the even
// code. So ties must differ in just that way and all else must agree.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import koffi from "koffi";
import { describe, expect, it } from "vitest";
import type { Geometry } from "../../src/kernels/quantize/geometry.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import type { Encoding } from "../../src/methods/quantize/encoding.ts";
import { portableProfile } from "../../src/plan/portable-profile.ts";
import { weights } from "../kernels/quantize/float-fixtures.ts";
import { encodeAndDecode, requestOf } from "../support/float-encodings.ts";
import { bufferOf, memoryOf, runByReference } from "../support/run-steps.ts";

const library = resolve(
  import.meta.dirname,
  "../../node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/libggml-base.so",
);
const ggmlMxfp4 = 39;
const mxfp4Bytes = 17;

/** Rows of blocks of 32 as ggml's bytes: the E8M0 scale, then elements j and j + 16 in one byte. */
function byGgml(source: Float32Array): Uint8Array {
  const lib = koffi.load(library);
  const quantize = lib.func(
    "size_t ggml_quantize_chunk(int type, const float *src, void *dst, int64_t start, int64_t nrows, int64_t n_per_row, const float *imatrix)",
  );
  const bytes = new Uint8Array((source.length / 32) * mxfp4Bytes);
  expect(Number(quantize(ggmlMxfp4, source, bytes, 0, 1, source.length, null))).toBe(bytes.length);
  return bytes;
}

function dequantizedByGgml(bytes: Uint8Array, count: number): Float32Array {
  const decode = koffi.load(library).func("void dequantize_row_mxfp4(const void *x, _Out_ float *y, int64_t k)");
  const decoded = new Float32Array(count);
  decode(bytes, decoded, count);
  return decoded;
}

function byUs(encoding: Encoding, geometry: Geometry, source: Float32Array) {
  const { pieces, encoded } = encodeAndDecode(portableProfile, requestOf(encoding, geometry, "rows", "f32"));
  const memory = memoryOf(pieces, { source: new Uint8Array(source.buffer.slice(0)) });
  runByReference(pieces, memory, kernelReferences);
  const decoded = bufferOf(memory, "decoded");
  return {
    codes: bufferOf(memory, encoded.codes.buffer),
    scales: bufferOf(memory, encoded.scales?.buffer ?? ""),
    decoded: new Float32Array(decoded.buffer, decoded.byteOffset, source.length),
  };
}

/** Code of element `at` in ggml's bytes. */
function ggmlCode(bytes: Uint8Array, at: number): number {
  const [block, j] = [Math.floor(at / 32), at % 32];
  const byte = bytes[block * mxfp4Bytes + 1 + (j % 16)] ?? 0;
  return j < 16 ? byte & 15 : byte >> 4;
}

const ourCode = (codes: Uint8Array, at: number): number => ((codes[at >> 1] ?? 0) >> (4 * (at & 1))) & 15;
const withoutMinusZero = (code: number): number => (code === 8 ? 0 : code);

describe.skipIf(!existsSync(library))("ggml", () => {
  const count = 32 * 500;
  const geometry: Geometry = { kind: "blocked", outer: 1, dim: count, inner: 1, blockSize: 32 };
  const floor: Encoding = { kind: "mx", element: "e2m1", scaleRule: "floor" };

  it("chooses the same MXFP4 scales and codes", () => {
    const source = weights(count, 77);
    const [theirs, ours] = [byGgml(source), byUs(floor, geometry, source)];
    for (let block = 0; block < count / 32; block++) expect(ours.scales[block]).toBe(theirs[block * mxfp4Bytes]);
    for (let at = 0; at < count; at++) {
      expect(withoutMinusZero(ourCode(ours.codes, at))).toBe(ggmlCode(theirs, at));
    }
    const decoded = dequantizedByGgml(theirs, count);
    expect(decoded.map((x) => x + 0)).toEqual(ours.decoded.map((x) => x + 0));
  });

  it("differs at ties: smaller magnitude there, even code here", () => {
    const ties = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5];
    const source = new Float32Array(32);
    source.set(ties);
    source.set(
      ties.map((x) => -x),
      8,
    );
    source[31] = 6;
    const single: Geometry = { kind: "blocked", outer: 1, dim: 32, inner: 1, blockSize: 32 };
    const [theirs, ours] = [byGgml(source), byUs(floor, single, source)];
    for (const at of ties.keys()) {
      expect(ggmlCode(theirs, at)).toBe(at);
      expect(ourCode(ours.codes, at)).toBe(at + (at % 2));
      expect(withoutMinusZero(ggmlCode(theirs, at + 8) % 8)).toBe(at);
      expect(ourCode(ours.codes, at + 8)).toBe(8 + at + (at % 2));
    }
  });

  it("takes the same sign bits and, but for rounding, the same mean as Q1_0", () => {
    const source = weights(128 * 10, 5);
    const quantize = koffi
      .load(library)
      .func(
        "size_t quantize_q1_0(const float *src, void *dst, int64_t nrows, int64_t n_per_row, const float *imatrix)",
      );
    const bytes = new Uint8Array(10 * 18);
    expect(Number(quantize(source, bytes, 1, source.length, null))).toBe(bytes.length);
    const blocks: Geometry = { kind: "blocked", outer: 1, dim: source.length, inner: 1, blockSize: 128 };
    const ours = byUs({ kind: "binary" }, blocks, source);
    for (let block = 0; block < 10; block++) {
      expect(ours.codes.slice(block * 16, block * 16 + 16)).toEqual(bytes.slice(block * 18 + 2, block * 18 + 18));
    }
  });
});
