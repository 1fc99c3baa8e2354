// Requests for tests of table and cast steps. No node:*, no vitest.
import type { Encoding, EncodeRequest } from "../../src/methods/quantize/encoding.ts";

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
