// Requests for tests of table, cast and statistics steps, with what they need to run. No node:*, no vitest.
import type { KernelReference, KernelSpec } from "../../src/kernels/kernel.ts";
import { narrowHalfReference } from "../../src/kernels/cast/narrow-half.ref.ts";
import { narrowHalfSpec } from "../../src/kernels/cast/narrow-half.ts";
import { widenHalfReference } from "../../src/kernels/cast/widen-half.ref.ts";
import { widenHalfSpec } from "../../src/kernels/cast/widen-half.ts";
import { nestedAbsmaxReference } from "../../src/kernels/quantize/nested-absmax.ref.ts";
import { nestedAbsmaxSpec } from "../../src/kernels/quantize/nested-absmax.ts";
import { nestedDecodeReference } from "../../src/kernels/quantize/nested-decode.ref.ts";
import { nestedDecodeSpec } from "../../src/kernels/quantize/nested-decode.ts";
import { nestedOffsetReference } from "../../src/kernels/quantize/nested-offset.ref.ts";
import { nestedOffsetSpec } from "../../src/kernels/quantize/nested-offset.ts";
import { tableBlockReference } from "../../src/kernels/quantize/table-block.ref.ts";
import { tableBlockSpec } from "../../src/kernels/quantize/table-block.ts";
import { tableDecodeReference } from "../../src/kernels/quantize/table-decode.ref.ts";
import { tableDecodeSpec } from "../../src/kernels/quantize/table-decode.ts";
import { histogramReference } from "../../src/kernels/stats/histogram.ref.ts";
import { histogramSpec } from "../../src/kernels/stats/histogram.ts";
import { tensorErrorReference } from "../../src/kernels/stats/tensor-error.ref.ts";
import { tensorErrorSpec } from "../../src/kernels/stats/tensor-error.ts";
import { tensorRangeReference } from "../../src/kernels/stats/tensor-range.ref.ts";
import { tensorRangeSpec } from "../../src/kernels/stats/tensor-range.ts";
import { transposeReference } from "../../src/kernels/util/transpose.ref.ts";
import { transposeSpec } from "../../src/kernels/util/transpose.ts";
import type { Encoding, EncodeRequest } from "../../src/methods/quantize/encoding.ts";

const rooms: readonly (readonly [KernelSpec, KernelReference])[] = [
  [narrowHalfSpec, narrowHalfReference],
  [widenHalfSpec, widenHalfReference],
  [nestedAbsmaxSpec, nestedAbsmaxReference],
  [nestedDecodeSpec, nestedDecodeReference],
  [nestedOffsetSpec, nestedOffsetReference],
  [tableBlockSpec, tableBlockReference],
  [tableDecodeSpec, tableDecodeReference],
  [histogramSpec, histogramReference],
  [tensorErrorSpec, tensorErrorReference],
  [tensorRangeSpec, tensorRangeReference],
  [transposeSpec, transposeReference],
];

export const specsById = Object.fromEntries(rooms.map(([spec]) => [spec.id, spec]));
export const referencesById = Object.fromEntries(rooms.map(([spec, reference]) => [spec.id, reference]));

/** A flat request over `count` elements of the buffer "source". */
export const flatRequest = (encoding: Encoding, count: number, blockSize = 64): EncodeRequest => ({
  encoding,
  geometry: { kind: "blocked", outer: 1, dim: count, inner: 1, blockSize },
  layout: "natural",
  search: { kind: "absmax" },
  scaleType: "f32",
  source: "source",
  prefix: "t.",
});
