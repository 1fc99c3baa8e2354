// The 8-bit floats of files by their dtype names, and E8M0, the power-of-two scale of microscaling.
import type { DType } from "./dtypes.ts";
import { e2m1, e2m3, e3m2, e4m3fn, e4m3fnuz, e5m2, e5m2fnuz, type Microfloat } from "./microfloat.ts";

const byDtype: Partial<Record<DType, Microfloat>> = {
  f8e4m3fn: e4m3fn,
  f8e4m3fnuz: e4m3fnuz,
  f8e5m2: e5m2,
  f8e5m2fnuz: e5m2fnuz,
  f6e2m3: e2m3,
  f6e3m2: e3m2,
  f4e2m1: e2m1,
};

/** The format behind a dtype; undefined where the dtype is no tiny float. */
export const microfloatOf = (dtype: DType): Microfloat | undefined => byDtype[dtype];

export const e8m0NaN = 0xff;

/** 2^(code - 127); NaN for 0xff. */
export const decodeE8m0 = (code: number): number => (code === e8m0NaN ? Number.NaN : 2 ** (code - 127));

/** Code of the power of two at or below `value`, clamped to 2^-127 … 2^127; 0xff for NaN and infinity, 0 for 0. */
export function encodeE8m0Floor(value: number): number {
  if (!Number.isFinite(value)) return e8m0NaN;
  const magnitude = Math.abs(value);
  if (magnitude === 0) return 0;
  // log2 may round up just below a power of two, so the quotient by the power decides.
  let exponent = Math.floor(Math.log2(magnitude));
  if (2 ** exponent > magnitude) exponent -= 1;
  else if (2 ** (exponent + 1) <= magnitude) exponent += 1;
  return Math.min(254, Math.max(0, exponent + 127));
}
