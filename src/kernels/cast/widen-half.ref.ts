// Reference of cast/widen-half: a half is sign * mantissa * 2^exponent, computed as a number.
import type { KernelReference } from "../kernel.ts";

/** The value of a half's 16 bits: 5 exponent bits for f16, 8 for bf16. */
export function halfValue(bits: number, exponentBits: number): number {
  const mantissaBits = 15 - exponentBits;
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = bits % 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return mantissa === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias);
}

export const widenHalfReference: KernelReference = ({ count = 0, bfloat = 0 }, [source, target]) => {
  if (!source || !target) return;
  const from = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const to = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const exponentBits = bfloat === 1 ? 8 : 5;
  for (let i = 0; i < count; i++) {
    const bits = from.getUint16(i * 2, true);
    const value = halfValue(bits, exponentBits);
    if (Number.isNaN(value)) {
      // Sign and payload of a NaN stay, left-aligned in the wider mantissa.
      const payload = (bits % 2 ** (15 - exponentBits)) * 2 ** (8 + exponentBits);
      to.setUint32(i * 4, (bits >= 0x8000 ? 0xff800000 : 0x7f800000) + payload, true);
    } else {
      to.setFloat32(i * 4, value, true);
    }
  }
};
