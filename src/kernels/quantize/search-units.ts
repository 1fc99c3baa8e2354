// Fixed point of the scale searches, host side: the params that a format and a geometry lead to, and the
// arithmetic of shaders/common/fixed.wgsl written from its definition in doubles, for the references.
// All quantities stay below 2^53, so doubles hold them exactly.
import type { Geometry } from "./geometry.ts";
import { groupCount } from "./geometry.ts";

/** What the search must know of the codes; x ~ (code - zeroPoint) * scale. */
export interface SearchTarget {
  readonly bits: 2 | 4 | 8;
  /** Asymmetric: codes [min, max] and an integer zero point. Else codes minus the fixed zero point. */
  readonly asymmetric: boolean;
  readonly codeMin: number;
  readonly codeMax: number;
  /** The first scale maps the largest weight to the lowest code (symmetric-full): larger scales can pay. */
  readonly full: boolean;
  /** Scales are stored as f16, so candidates must be f16 values. */
  readonly halfScale: boolean;
}

/** Exponent of the first scale in units. */
export const topOf = (target: SearchTarget): number => (target.asymmetric ? 15 : 16);

/** How far the coarse grid reaches, as shares of the first scale. */
function gridOf(target: SearchTarget, geometry: Geometry): { readonly low: number; readonly high: number } {
  if (geometry.kind === "wide") return { low: target.bits === 8 ? 0.4 : 0.15, high: 1.03 };
  if (target.bits === 8) return { low: 0.96, high: 1.01 };
  if (target.bits === 2) return { low: 0.3, high: 1.03 };
  return { low: geometry.blockSize > 64 ? 0.6 : 0.72, high: target.full ? 1.1 : 1.03 };
}

/** Coarse scales tried by the MSE search. */
export const coarseCount = 8;

/** Grid and reading params shared by the search kernels; factors count 1/4096 of the first scale. */
export function searchParams(target: SearchTarget, geometry: Geometry): Readonly<Record<string, number>> {
  const { low, high } = gridOf(target, geometry);
  const first = Math.round(low * 4096);
  const step = Math.round(((high - low) * 4096) / (coarseCount - 1));
  const fine = Math.round(step / 3);
  // The smallest scale that any stage may reach: three fine rounds of two hops for wide groups, one for blocks.
  const floor = (first - (geometry.kind === "wide" ? 3 : 2) * fine) / 4096;
  const reach = 1 + (target.asymmetric ? 2 ** target.bits - 1 : Math.max(target.codeMax, -target.codeMin));
  return {
    groups: groupCount(geometry),
    asymmetric: target.asymmetric ? 1 : 0,
    half_scales: target.halfScale ? 1 : 0,
    code_min: target.codeMin,
    code_max: target.codeMax,
    reach,
    top: topOf(target),
    drop: Math.ceil(Math.log2(reach / floor + 1)),
    first,
    step,
    fine,
  };
}

/** u32 or f32 views over a binding. */
export const words = (bytes: Uint8Array | undefined): Uint32Array =>
  bytes ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2) : new Uint32Array(0);

const scratch = new DataView(new ArrayBuffer(4));

/** The value of f32 bits, subnormals as 0. */
export function valueOf(bits: number): number {
  scratch.setUint32(0, bits >>> 0);
  const value = scratch.getFloat32(0);
  return Math.abs(value) < 2 ** -126 ? 0 : value;
}

export function bitsOfValue(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

/** Exponent of the unit for a first scale: 2^shift * |s0| lies in [2^top, 2^(top + 1)). */
export const unitShift = (scale: number, top: number): number => top - exponentOf(Math.abs(scale));

/** floor(log2 x) of a positive double. */
export function exponentOf(x: number): number {
  let e = Math.floor(Math.log2(x));
  while (2 ** e > x) e--;
  while (2 ** (e + 1) <= x) e++;
  return e;
}

/** x in units of 2^-shift, half away from zero; infinity and NaN become a number beyond every limit. */
export function inUnits(x: number, shift: number): number {
  if (!Number.isFinite(x)) return 0x3fffffff;
  return Math.sign(x) * Math.floor(Math.abs(x) * 2 ** shift + 0.5);
}

export interface Reading {
  readonly drop: number;
  readonly low: number;
  readonly high: number;
}

/** The code that a 17-bit reciprocal reads off for X under scale S: nearest but for a hair around midpoints. */
export function readCode(x: number, inverse: number, { drop, low, high }: Reading): number {
  const bias = 2 ** (30 - drop) + (drop > 0 ? Math.floor(inverse / 2) : 0);
  const code = Math.floor((Math.floor(x / 2 ** drop) * inverse + bias) / 2 ** (31 - drop));
  return Math.min(high, Math.max(low, code));
}

/** A difference of units in steps of 16. */
export const steps = (difference: number): number => Math.floor((difference + 8) / 16);

/**
 * Steps between X and the nearest code's value under a scale given in 1/64 units, s being its whole units:
 * the code read off by reciprocal, or a neighbour of it within the code range.
 */
export function nearestSteps(x: number, fineScale: number, s: number, reading: Reading): number {
  const near = readCode(x, Math.floor(2 ** 31 / s), reading);
  const twice = 2 * x - Math.floor((near * fineScale + 16) / 32);
  const half = Math.floor(fineScale / 64);
  const moved = near + (twice > half ? 1 : 0) - (twice < -half ? 1 : 0);
  const p = Math.min(reading.high, Math.max(reading.low, moved));
  return steps(x - Math.floor((p * fineScale + 32) / 64));
}

/** The storable scale nearest to s units, 0 where there is none. */
export function storable(s: number, shift: number, half: boolean): number {
  if (s === 0) return 0;
  if (!half) {
    const exponent = exponentOf(s) - shift;
    return exponent < -120 || exponent > 100 ? 0 : s;
  }
  const cut = Math.max(exponentOf(s) - 10, shift - 24);
  if (cut > 20) return 0;
  const kept = cut > 0 ? Math.floor(s / 2 ** cut + 0.5) * 2 ** cut : s;
  return kept === 0 || exponentOf(kept) - shift > 15 ? 0 : kept;
}

/** See surely_less in the shader: found + found / 512 + slack + 1 <= first. */
export const surelyLess = (found: number, slack: number, first: number): boolean =>
  found + Math.floor(found / 512) + slack + 1 <= first;
