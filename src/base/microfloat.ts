// Tiny floating-point formats of at most 8 bits as tables: every code's value, and the nearest code of
// any number. Exact for every f32 input, since all midpoints are exact in f64. For single values, tables
// and references; bulk work happens in shaders.
// Layouts: OCP 8-bit Floating Point 1.0, OCP Microscaling Formats 1.0; FNUZ as in ONNX's float8 page.

export interface Microfloat {
  readonly name: string;
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /**
   * What the top codes mean.
   * finite  every code is a number (OCP fp4 and fp6)
   * fn      only the all-ones magnitude is NaN, no infinity
   * ieee    the top exponent holds infinity and NaN
   * fnuz    the code of negative zero is the only NaN
   */
  readonly specials: "finite" | "fn" | "ieee" | "fnuz";
}

const format = (
  name: string,
  exponentBits: number,
  mantissaBits: number,
  bias: number,
  specials: Microfloat["specials"],
): Microfloat => ({ name, exponentBits, mantissaBits, bias, specials });

export const e2m1 = format("e2m1", 2, 1, 1, "finite");
export const e2m3 = format("e2m3", 2, 3, 1, "finite");
export const e3m2 = format("e3m2", 3, 2, 3, "finite");
export const e4m3fn = format("e4m3fn", 4, 3, 7, "fn");
export const e5m2 = format("e5m2", 5, 2, 15, "ieee");
export const e4m3fnuz = format("e4m3fnuz", 4, 3, 8, "fnuz");
export const e5m2fnuz = format("e5m2fnuz", 5, 2, 16, "fnuz");

/** Bits of one code, sign included. */
export const microfloatBits = (f: Microfloat): number => 1 + f.exponentBits + f.mantissaBits;

/** Code of the largest finite magnitude; smaller codes are all finite and ascend with their values. */
export function largestCode(f: Microfloat): number {
  const top = 2 ** (f.exponentBits + f.mantissaBits) - 1;
  if (f.specials === "fn") return top - 1;
  return f.specials === "ieee" ? top - 2 ** f.mantissaBits : top;
}

/** Value of one code; NaN and infinity where the format has them. Bits above the format's are ignored. */
export function decodeMicrofloat(f: Microfloat, code: number): number {
  const signBit = 2 ** (f.exponentBits + f.mantissaBits);
  const magnitude = code & (signBit - 1);
  const sign = (code & signBit) === 0 ? 1 : -1;
  if (f.specials === "fnuz" && sign < 0 && magnitude === 0) return Number.NaN;
  if (magnitude > largestCode(f)) {
    return f.specials === "ieee" && magnitude === largestCode(f) + 1 ? sign * Infinity : Number.NaN;
  }
  const exponent = magnitude >> f.mantissaBits;
  const fraction = (magnitude & (2 ** f.mantissaBits - 1)) / 2 ** f.mantissaBits;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - f.bias) : (1 + fraction) * 2 ** (exponent - f.bias));
}

/** Largest finite value: 6, 7.5, 28, 448, 57344 … */
export const largestValue = (f: Microfloat): number => decodeMicrofloat(f, largestCode(f));

/**
 * Code of the finite value nearest to `value`, ties to the even code, saturating at the largest finite
 * value (infinity too). The sign of zero is kept where the format has one.
 * NaN becomes the format's NaN with a positive sign, and 0 where the format has none.
 */
export function encodeMicrofloat(f: Microfloat, value: number): number {
  const signBit = 2 ** (f.exponentBits + f.mantissaBits);
  if (Number.isNaN(value)) {
    if (f.specials === "finite") return 0;
    return f.specials === "fnuz" ? signBit : signBit - 1;
  }
  const magnitude = Math.abs(value);
  let low = 0;
  let high = largestCode(f);
  // Invariant: the answer lies in [low, high]; a midpoint exactly hit goes to the even neighbour.
  while (low < high) {
    const middle = (low + high) >> 1;
    const midpoint = (decodeMicrofloat(f, middle) + decodeMicrofloat(f, middle + 1)) / 2;
    if (magnitude > midpoint || (magnitude === midpoint && middle % 2 === 1)) low = middle + 1;
    else high = middle;
  }
  const negative = value < 0 || Object.is(value, -0);
  return negative && !(f.specials === "fnuz" && low === 0) ? low | signBit : low;
}

/** Values of all codes in order of the code. */
export function microfloatTable(f: Microfloat): Float64Array {
  return Float64Array.from({ length: 2 ** microfloatBits(f) }, (_, code) => decodeMicrofloat(f, code));
}
