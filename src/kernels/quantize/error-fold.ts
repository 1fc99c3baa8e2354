// Folds the records of error-sums.ts, from whatever kernel wrote them, into the statistics of a tensor, in f64.
import { errorRecordBytes, type ErrorStatistics } from "./error-sums.ts";

const none = 0xffffffff;

/**
 * Statistics from error records laid end to end; records of several chunks of a tensor may be folded together
 * where their kernels wrote indices of the whole tensor. Minimum and maximum are NaN where no source
 * element was finite; an infinite maxAbsError (finite source decoded to infinity) makes mse infinite.
 */
export function foldErrorRecords(bytes: Uint8Array): ErrorStatistics {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [squaredError, squaredSource, squaredDecoded, dot, maxAbsError] = [0, 0, 0, 0, 0];
  let [minSource, maxSource] = [Infinity, -Infinity];
  let [clipped, nonFinite, first, fingerprint, count] = [0, 0, none, 0, 0];
  for (let at = 0; at + errorRecordBytes <= bytes.length; at += errorRecordBytes) {
    const float = (word: number): number => view.getFloat32(at + word * 4, true);
    const integer = (word: number): number => view.getUint32(at + word * 4, true);
    squaredError += float(0);
    squaredSource += float(1);
    squaredDecoded += float(2);
    dot += float(3);
    maxAbsError = Math.max(maxAbsError, float(4));
    clipped += integer(7);
    nonFinite += integer(8);
    first = Math.min(first, integer(9));
    fingerprint = (fingerprint + integer(10)) >>> 0;
    count += integer(11);
    // A record without finite elements holds the identities of minimum and maximum.
    if (integer(11) > integer(8)) {
      minSource = Math.min(minSource, float(5));
      maxSource = Math.max(maxSource, float(6));
    }
  }
  const lost = maxAbsError === Infinity;
  const finite = count - nonFinite;
  const meanSquaredError = finite === 0 ? 0 : squaredError / finite;
  return {
    count,
    mse: lost ? Infinity : meanSquaredError,
    sqnrDb: lost ? -Infinity : decibels(squaredSource, squaredError),
    cosine: cosineOf(dot, squaredSource, squaredDecoded),
    maxAbsError,
    minSource: finite === 0 ? NaN : minSource,
    maxSource: finite === 0 ? NaN : maxSource,
    clippedShare: count === 0 ? 0 : clipped / count,
    nonFinite,
    firstNonFinite: nonFinite === 0 ? undefined : first,
    fingerprint,
  };
}

function decibels(signal: number, noise: number): number {
  if (noise === 0) return Infinity;
  return signal === 0 ? -Infinity : 10 * Math.log10(signal / noise);
}

/** Two zero vectors agree; a zero vector and another one do not. */
function cosineOf(dot: number, squaredA: number, squaredB: number): number {
  if (squaredA === 0 && squaredB === 0) return 1;
  if (squaredA === 0 || squaredB === 0) return 0;
  return Math.max(-1, Math.min(1, dot / Math.sqrt(squaredA * squaredB)));
}
