// IEEE 754 binary16 and bfloat16 on the host: bits to number and back. Rounding is to nearest, ties to even, worked out
// on exact doubles, so it is the same on every engine. Knows nothing of tensors.

/** The value of a half's 16 bits; NaN payloads are dropped. */
export function decodeHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** The half nearest to `value`, ties to even; beyond 65504 + half a step it is infinity; NaN is 0x7e00. */
export function encodeHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  // The step between halves at this magnitude is a power of two, so the division is exact.
  let exponent = -14;
  while (exponent < 15 && magnitude >= 2 ** (exponent + 1)) exponent++;
  const steps = magnitude / 2 ** (exponent - 10);
  const floor = Math.floor(steps);
  const rest = steps - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // `rounded` counts from 0 below 2^-14 and from 1024 above: adding it carries into the exponent by itself.
  return sign | (rounded + (exponent + 14) * 1024);
}

const word = new DataView(new ArrayBuffer(4));

/** The value of a bfloat16's 16 bits: the upper half of an f32. */
export function decodeBfloat(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/** The bfloat16 nearest to an f32 value, ties to even; NaN is 0x7fc0. */
export function encodeBfloat(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}
