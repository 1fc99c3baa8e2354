// What references of float formats share: the format behind a call's params, and the nearest code by
// comparing exact products. Every |x| * a and midpoint * b below has at most 53 bits, so f64 is exact.
import { decodeMicrofloat, type Microfloat } from "../../base/microfloat.ts";

/** The element format that a call's params describe; `bits` defaults to 8. */
export function elementOf(params: Readonly<Record<string, number>>): Microfloat & { readonly largest: number } {
  const { bits = 8, mantissa_bits: mantissaBits = 0, min_exponent: minExponent = 0 } = params;
  const { largest_code: largest = 0, has_infinity: hasInfinity = 0 } = params;
  const exponentBits = bits - 1 - mantissaBits;
  const top = 2 ** (bits - 1) - 1;
  const specials = hasInfinity === 1 ? "ieee" : largest === top ? "finite" : "fn";
  return { name: "element", exponentBits, mantissaBits, bias: 1 - minExponent, specials, largest };
}

/** Midpoints between neighbouring magnitude codes, up to code `largest`. */
export function midpointsOf(element: Microfloat, largest: number): Float64Array {
  return Float64Array.from(
    { length: largest },
    (_, code) => (decodeMicrofloat(element, code) + decodeMicrofloat(element, code + 1)) / 2,
  );
}

/**
 * Magnitude code whose value times `b` is nearest to |x| * a, ties to the even code, saturating at the
 * largest: the number of midpoints that lie below.
 */
export function nearestByProducts(midpoints: Float64Array, x: number, a: number, b: number): number {
  const left = Math.abs(x) * a;
  let low = 0;
  let high = midpoints.length;
  while (low < high) {
    const code = (low + high) >> 1;
    const right = (midpoints[code] ?? 0) * b;
    if (left < right || (left === right && code % 2 === 0)) high = code;
    else low = code + 1;
  }
  return low;
}

/** 1 for a negative number or negative zero. */
export const signOf = (x: number): number => (x < 0 || Object.is(x, -0) ? 1 : 0);

const view = new DataView(new ArrayBuffer(4));

/** f32 bits of a number that f32 holds; NaN as 0x7fc00000. */
export function bitsOf(x: number): number {
  if (Number.isNaN(x)) return 0x7fc00000;
  view.setFloat32(0, x);
  return view.getUint32(0);
}

/** Magnitude rounded to f32, subnormal results as 0. */
export const roundFlushed = (x: number): number => (Math.fround(x) < 2 ** -126 ? 0 : Math.fround(x));
