// The affine rule as params of kernels, and in plain doubles for their references. The doubles are exact where
// it counts: a product of a half-integer below 512 and an f32 fits in them, and a double quotient of two
// f32 rounds to f32 as the real quotient does.
import { decodeHalf, encodeHalf } from "../../base/half.ts";
import type { ParamType } from "../kernel.ts";
import { codesOf, countedValue, forEachElement, packedBytes, putCode, type ShapeParams } from "./shape.ts";

export type Bits = 2 | 4 | 8;
export type Scheme = "symmetric" | "symmetric-full" | "asymmetric";
export type Rounding = "half-even" | "half-up" | "half-away";

/** What decides scale, zero point and codes of a group from its elements. */
export interface AffineRule {
  readonly bits: Bits;
  readonly signed: boolean;
  readonly scheme: Scheme;
  readonly rounding: Rounding;
  /** Scales are rounded to f16 before codes are chosen. */
  readonly halfScales: boolean;
}

/** The same rule over codes of any width up to 16 bits, as simulations use it. */
export type WideRule = Omit<AffineRule, "bits"> & { readonly bits: number };

export const schemes: readonly Scheme[] = ["symmetric", "symmetric-full", "asymmetric"];
export const roundings: readonly Rounding[] = ["half-even", "half-up", "half-away"];

/** Params that carry a rule. */
export const ruleParamList: readonly (readonly [name: string, type: ParamType])[] = [
  ["bits", "u32"],
  ["is_signed", "u32"],
  ["scheme", "u32"],
  ["rounding", "u32"],
  ["half_scales", "u32"],
];

/** Values of ruleParamList. */
export function ruleParams(rule: WideRule): Readonly<Record<string, number>> {
  return {
    bits: rule.bits,
    is_signed: rule.signed ? 1 : 0,
    scheme: schemes.indexOf(rule.scheme),
    rounding: roundings.indexOf(rule.rounding),
    half_scales: rule.halfScales ? 1 : 0,
  };
}

/** Reads a rule back from a call's params. */
export function ruleOf(params: Readonly<Record<string, number>>): AffineRule {
  const { bits = 4, is_signed: isSigned = 0, scheme = 0, rounding = 0, half_scales: halfScales = 0 } = params;
  return {
    bits: bits === 2 || bits === 8 ? bits : 4,
    signed: isSigned !== 0,
    scheme: schemes[scheme] ?? "symmetric",
    rounding: roundings[rounding] ?? "half-even",
    halfScales: halfScales !== 0,
  };
}

/** As `ruleOf`, whatever the width. */
export const wideRuleOf = (params: Readonly<Record<string, number>>): WideRule => ({
  ...ruleOf(params),
  bits: params["bits"] ?? 8,
});

export const lowestCode = ({ bits, signed }: Pick<WideRule, "bits" | "signed">): number =>
  signed ? -(2 ** (bits - 1)) : 0;

/** The zero point of schemes that have only one. */
export const middleCode = (rule: Pick<WideRule, "bits" | "signed">): number => lowestCode(rule) + 2 ** (rule.bits - 1);

/** The real x / s rounded to an integer; exact for |x / s| < 2^20, x and s being f32 values. */
export function roundQuotient(x: number, s: number, rounding: Rounding): number {
  const lower = Math.floor(x / s);
  // Sign of x / s - (lower + 0.5), by an exact product.
  const side = Math.sign(x - (lower + 0.5) * s) * Math.sign(s);
  if (side !== 0) return side > 0 ? lower + 1 : lower;
  if (rounding === "half-up") return lower + 1;
  if (rounding === "half-even") return lower % 2 === 0 ? lower : lower + 1;
  return lower >= 0 ? lower + 1 : lower;
}

/** The scale as stored: rounded to f16 where asked, saturating; what would be 0 becomes 1. */
export function storedScale(scale: number, halfScales: boolean): number {
  const stored = halfScales ? decodeHalf(encodeHalf(Math.max(-65504, Math.min(65504, scale)))) : scale;
  return stored === 0 ? 1 : stored;
}

const largest = 2 ** 100;
const clip = (x: number): number => Math.max(-largest, Math.min(largest, x));

/** The scale of a group whose elements span [lo, hi], lo <= 0 <= hi. */
export function affineScale(lo: number, hi: number, rule: WideRule): number {
  const [low, high] = [clip(lo), clip(hi)];
  const levels = 2 ** rule.bits;
  const quotients: Readonly<Record<Scheme, () => number>> = {
    symmetric: () => Math.max(-low, high) / (levels / 2 - 1),
    "symmetric-full": () => (high > -low ? -high : -low) / (levels / 2),
    asymmetric: () => Math.fround(high - low) / (levels - 1),
  };
  const scale = quotients[rule.scheme]();
  return storedScale(Math.abs(scale) < 2 ** -120 ? 0 : Math.fround(scale), rule.halfScales);
}

/** The zero point that goes with a scale. */
export function affineZeroPoint(lo: number, scale: number, rule: WideRule): number {
  if (rule.scheme !== "asymmetric") return middleCode(rule);
  const steps = roundQuotient(-clip(lo), scale, rule.rounding);
  return lowestCode(rule) + Math.max(0, Math.min(2 ** rule.bits - 1, steps));
}

/** The code that x would have if codes had no ends. */
export const unboundedCode = (x: number, scale: number, zero: number, rule: WideRule): number =>
  roundQuotient(x, scale, rule.rounding) + zero;

/** The code of x, within the code range. */
export function affineCode(x: number, scale: number, zero: number, rule: WideRule): number {
  const lowest = lowestCode(rule);
  return Math.max(lowest, Math.min(lowest + 2 ** rule.bits - 1, unboundedCode(x, scale, zero, rule)));
}

export const asI32 = (bytes: Uint8Array | undefined): Int32Array =>
  bytes ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4) : new Int32Array();

/** Codes of a tensor in the order of its layout, padding included, before they are packed. */
export function affineCodes(
  shape: ShapeParams,
  source: Float32Array,
  scales: Float32Array,
  zeroPoints: Int32Array,
  rule: AffineRule,
): Int32Array {
  const codes = new Int32Array(codesOf(shape));
  if (shape.order === 1) for (let p = 0; p < codes.length; p++) codes[p] = zeroPoints[Math.floor(p / shape.block)] ?? 0;
  forEachElement(shape, (element, position, group) => {
    const x = countedValue(source[element] ?? 0);
    codes[position] = affineCode(x, scales[group] ?? 1, zeroPoints[group] ?? 0, rule);
  });
  return codes;
}

/** Packs codes of `bits` bits, the first lowest, into bytes that are cleared first. */
export function packCodes(codes: Int32Array, bits: number, bytes: Uint8Array): void {
  bytes.fill(0, 0, packedBytes(codes.length, bits));
  for (const [position, code] of codes.entries()) putCode(bytes, position, bits, code & (2 ** bits - 1));
}
