// How kernels that work along one axis share a row among threads.
import { UnsupportedError } from "../../base/errors.ts";

/** Where a tensor is reduced or normalized: along the middle of [outer, axis, inner]. */
export interface AxisShape {
  readonly outer: number;
  readonly axis: number;
  readonly inner: number;
}

/** Threads for one row: one where there are rows enough for the device, else up to a workgroup. */
export function splitFor(rows: number, length: number): number {
  if (rows >= 128 || length < 64) return 1;
  return length >= 1024 && rows < 16 ? 64 : 16;
}

/** @throws UnsupportedError for 2^31 elements or more */
export function checkElements(elements: number, what: string): void {
  if (elements < 2 ** 31) return;
  throw new UnsupportedError(`${what} of ${elements} elements is too large for one dispatch.`, {
    hint: "Run a smaller batch.",
    details: { elements },
  });
}
