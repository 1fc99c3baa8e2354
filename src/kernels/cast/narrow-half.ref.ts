// Reference of cast/narrow-half: a half is a multiple of its unit in the last place; in f64 the quotient
// by that unit is exact, so nearest even is decided on the number itself.
import type { KernelReference } from "../kernel.ts";

const roundHalfEven = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
};

/** Bits of the half nearest to a number (infinity where it rounds beyond), with 5 or 8 exponent bits. */
export function halfBits(value: number, exponentBits: number): number {
  const mantissaBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const infinity = (2 ** exponentBits - 1) * 2 ** mantissaBits;
  if (Number.isNaN(value)) return sign + infinity + 2 ** (mantissaBits - 1);
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return sign + infinity;
  let exponent = 1 - bias;
  while (exponent < bias && magnitude >= 2 ** (exponent + 1)) exponent += 1;
  const units = roundHalfEven(magnitude / 2 ** (exponent - mantissaBits));
  // Units of the exponent's binade; a carry into the next binade is a carry into the exponent field.
  return sign + Math.min(infinity, (exponent + bias - 1) * 2 ** mantissaBits + units);
}

export const narrowHalfReference: KernelReference = (params, [source, narrowed, counters]) => {
  if (!source || !narrowed || !counters) return;
  const { count = 0, bfloat = 0, saturate = 0 } = params;
  const from = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const to = new DataView(narrowed.buffer, narrowed.byteOffset, narrowed.byteLength);
  const lost = new DataView(counters.buffer, counters.byteOffset, counters.byteLength);
  const bump = (word: number): void => lost.setUint32(word * 4, lost.getUint32(word * 4, true) + 1, true);
  const exponentBits = bfloat === 1 ? 8 : 5;
  const infinity = (2 ** exponentBits - 1) * 2 ** (15 - exponentBits);
  for (let i = 0; i < count; i++) {
    const value = from.getFloat32(i * 4, true);
    // The sign of a NaN is not visible in a number.
    let bits = Number.isNaN(value)
      ? halfBits(NaN, exponentBits) + (from.getUint8(i * 4 + 3) & 0x80) * 256
      : halfBits(value, exponentBits);
    if (!Number.isFinite(value)) bump(2);
    else if (bits % 0x8000 === infinity) {
      bump(0);
      bits -= saturate;
    } else if (bits % 0x8000 === 0 && value !== 0) bump(1);
    to.setUint16(i * 2, bits, true);
  }
  if (count % 2 === 1) to.setUint16(count * 2, 0, true);
};
