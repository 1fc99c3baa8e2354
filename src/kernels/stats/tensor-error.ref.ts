// Reference of stats/tensor-error: the definitions of error-sums.ts, summed in f64 per segment.
import type { KernelReference } from "../kernel.ts";
import { errorRecordBytes } from "../quantize/error-sums.ts";
import { segmentOf } from "./segments.ts";

const largest = 3.4028234663852886e38;
const none = 0xffffffff;

interface Sums {
  sumSquaredError: number;
  sumSquaredSource: number;
  sumSquaredDecoded: number;
  dot: number;
  maxAbsError: number;
  minSource: number;
  maxSource: number;
  clipped: number;
  nonFinite: number;
  firstNonFinite: number;
  fingerprint: number;
  count: number;
}

const emptySums = (): Sums => ({
  sumSquaredError: 0,
  sumSquaredSource: 0,
  sumSquaredDecoded: 0,
  dot: 0,
  maxAbsError: 0,
  minSource: largest,
  maxSource: -largest,
  clipped: 0,
  nonFinite: 0,
  firstNonFinite: none,
  fingerprint: 0,
  count: 0,
});

/** -0 sorts below +0, as the order of bits has it. */
const below = (a: number, b: number): boolean => a < b || (Object.is(a, -0) && Object.is(b, 0));

export const tensorErrorReference: KernelReference = (params, [source, decoded, records]) => {
  if (!source || !decoded || !records) return;
  const { count = 0, segments = 0, quads_per_thread: quads = 1, clip_bits: clipBits = 0 } = params;
  const from = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const to = new DataView(decoded.buffer, decoded.byteOffset, decoded.byteLength);
  const all = Array.from({ length: segments }, emptySums);
  for (let i = 0; i < count; i++) {
    const sums = all[segmentOf(i, quads)];
    if (!sums) continue;
    const x = from.getFloat32(i * 4, true);
    const y = to.getFloat32(i * 4, true);
    const bits = to.getUint32(i * 4, true);
    sums.count += 1;
    sums.fingerprint = (sums.fingerprint + Math.imul(bits === 0x80000000 ? 0 : bits, 2 * i + 1)) >>> 0;
    if (!Number.isFinite(x)) {
      sums.nonFinite += 1;
      sums.firstNonFinite = Math.min(sums.firstNonFinite, i);
      continue;
    }
    if (below(x, sums.minSource)) sums.minSource = x;
    if (below(sums.maxSource, x)) sums.maxSource = x;
    if ((from.getUint32(i * 4, true) & 0x7fffffff) > clipBits) sums.clipped += 1;
    if (!Number.isFinite(y)) {
      sums.maxAbsError = Infinity;
      continue;
    }
    sums.sumSquaredError += (x - y) ** 2;
    sums.sumSquaredSource += x * x;
    sums.sumSquaredDecoded += y * y;
    sums.dot += x * y;
    sums.maxAbsError = Math.max(sums.maxAbsError, Math.abs(x - y));
  }
  const out = new DataView(records.buffer, records.byteOffset, records.byteLength);
  for (const [segment, sums] of all.entries()) {
    const base = segment * errorRecordBytes;
    const floats = [
      sums.sumSquaredError,
      sums.sumSquaredSource,
      sums.sumSquaredDecoded,
      sums.dot,
      sums.maxAbsError,
      sums.minSource,
      sums.maxSource,
    ];
    const counts = [sums.clipped, sums.nonFinite, sums.firstNonFinite, sums.fingerprint, sums.count];
    for (const [word, value] of floats.entries()) out.setFloat32(base + word * 4, value, true);
    for (const [word, value] of counts.entries()) out.setUint32(base + (floats.length + word) * 4, value, true);
  }
};
