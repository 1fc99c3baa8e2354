// Rules and prepared buffers shared by the case tables of the affine kernels.
import { affineScaleReference } from "../../../src/kernels/quantize/affine-scale.ref.ts";
import { affineScaleCall } from "../../../src/kernels/quantize/affine-scale.ts";
import { affineEncodeReference } from "../../../src/kernels/quantize/affine-encode.ref.ts";
import { affineEncodeCall } from "../../../src/kernels/quantize/affine-encode.ts";
import type { AffineRule } from "../../../src/kernels/quantize/affine-rule.ts";
import { codeCount, groupCount, type CodeLayout, type Geometry } from "../../../src/kernels/quantize/geometry.ts";
import { groupRangeReference } from "../../../src/kernels/quantize/group-range.ref.ts";
import { groupRangeCall } from "../../../src/kernels/quantize/group-range.ts";
import { packedBytes } from "../../../src/kernels/quantize/shape.ts";
import { computed } from "./float-fixtures.ts";

const rule = (
  bits: AffineRule["bits"],
  signed: boolean,
  scheme: AffineRule["scheme"],
  rounding: AffineRule["rounding"],
  halfScales = false,
): AffineRule => ({ bits, signed, scheme, rounding, halfScales });

/** Every width, scheme, sign, tie rule and scale type at least once. */
export const rules: readonly AffineRule[] = [
  rule(4, false, "symmetric-full", "half-up"),
  rule(4, true, "symmetric", "half-even", true),
  rule(4, false, "asymmetric", "half-away"),
  rule(8, true, "symmetric", "half-away"),
  rule(8, false, "asymmetric", "half-even", true),
  rule(8, true, "asymmetric", "half-up"),
  rule(2, false, "asymmetric", "half-up"),
  rule(2, true, "symmetric-full", "half-even", true),
];

export const nameOf = (r: AffineRule): string =>
  `${r.signed ? "int" : "uint"}${r.bits} ${r.scheme} ${r.rounding}${r.halfScales ? " f16" : ""}`;

export interface EncodedCase {
  readonly scales: Uint8Array;
  readonly zeroPoints: Uint8Array;
  readonly codes: Uint8Array;
}

/** Scales, zero points and codes of a source by the references, whole groups at a time. */
export function encoded(source: Uint8Array, geometry: Geometry, layout: CodeLayout, r: AffineRule): EncodedCase {
  const groups = groupCount(geometry);
  const whole = { segments: 1, length: 2 ** 31, interleave: 1 } as const;
  const ranges = computed(groupRangeCall(geometry, layout, whole), groupRangeReference, [source, groups * 8], 1);
  const call = affineScaleCall(groups, r);
  const scales = computed(call, affineScaleReference, [ranges, groups * 4, groups * 4], 1);
  const zeroPoints = computed(call, affineScaleReference, [ranges, groups * 4, groups * 4], 2);
  const bytes = packedBytes(codeCount(geometry, layout), r.bits);
  const encode = affineEncodeCall(geometry, layout, r);
  const codes = computed(encode, affineEncodeReference, [source, scales, zeroPoints, bytes], 3);
  return { scales, zeroPoints, codes };
}

/** f32 values right at, just below and just above the half-integers of a scale. */
export function nearTies(count: number, scale: number): Float32Array {
  const values = new Float32Array(count);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < count; i++) {
    values[i] = ((i % 19) - 9 + 0.5) * scale;
    bits[i] = (bits[i] ?? 0) + (Math.floor(i / 19) % 3) - 1;
  }
  return values;
}
