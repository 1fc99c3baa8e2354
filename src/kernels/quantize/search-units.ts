// Fixed point of the scale searches, host side: the params that a format and a geometry lead to, and the
// arithmetic of shaders/common/fixed.wgsl written from its definition in doubles, for the references.
// All quantities stay below 2^53, so doubles hold them exactly.
import type { ParamType } from "../kernel.ts";
import { groupCount, type Geometry } from "./geometry.ts";

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

/** Params that carry a target and its grid, as searchParams names them. */
export const searchParamList: readonly (readonly [name: string, type: ParamType])[] = [
  ["asymmetric", "u32"],
  ["half_scales", "u32"],
  ["code_min", "i32"],
  ["code_max", "i32"],
  ["reach", "i32"],
  ["top", "i32"],
  ["drop", "u32"],
  ["first", "u32"],
  ["step", "u32"],
  ["fine", "u32"],
];

/** Exponent of the first scale in units. */
export const topOf = (target: SearchTarget): number => (target.asymmetric ? 15 : 16);

/** How far the coarse grid reaches, as shares of the first scale. */
function gridOf(target: SearchTarget, geometry: Geometry): { readonly low: number; readonly high: number } {
  if (geometry.kind === "wide") return { low: target.bits === 8 ? 0.4 : 0.2, high: 1.03 };
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

/** Stages of the search over wide groups; `open` and `given` as in the shaders. */
export const searchStages = { coarse: 0, zero: 1, fine: 2, given: 3, open: 4 } as const;
export type SearchStage = keyof typeof searchStages;

export const trialCounts: Readonly<Record<number, number>> = { 0: coarseCount, 1: 2, 2: 4, 3: 1 };

/** Words per group of the wide search's state and sums. */
export const stateWords = 6;
export const sumWords = 19;

export interface Trial {
  readonly s: number;
  readonly zero: number;
}

/** The k-th candidate of a stage, s = 0 where it can't be had. */
export function trialAt(
  params: Readonly<Record<string, number>>,
  k: number,
  s0: number,
  best: Trial,
  shift: number,
): Trial {
  const { stage = 0, first = 0, step = 0, fine = 0, code_min: low = 0, code_max: high = 0 } = params;
  const share = (factor: number): number => Math.floor((s0 * factor + 2048) / 4096);
  const candidates: Readonly<Record<number, () => Trial>> = {
    0: () => ({ s: share(first + k * step), zero: best.zero }),
    1: () => ({ s: best.s, zero: best.zero + (k === 0 ? -1 : 1) }),
    2: () => ({ s: best.s + ([-2, -1, 1, 2][k] ?? 0) * share(fine), zero: best.zero }),
    3: () => best,
  };
  const { s, zero } = candidates[stage]?.() ?? best;
  const fits = zero >= low && zero <= high;
  return { s: fits ? storable(s, shift, params["half_scales"] === 1) : 0, zero };
}

/** floor(d^2 / 256) for |d| < 2^16, an upper bound for larger steps. */
export const squares256 = (d: number): number =>
  Math.abs(d) < 65536 ? Math.floor((d * d) / 256) : (Math.floor(Math.abs(d) / 256) + 1) ** 2 * 256;

export interface FirstScale {
  readonly shift: number;
  readonly sign: number;
  readonly s0: number;
  /** In 1/64 units. */
  readonly fine: number;
}

/** The first scale in fixed point; undefined where it is 0 or not finite. */
export function firstScale(word: number, top: number): FirstScale | undefined {
  const scale = valueOf(word);
  if (scale === 0 || !Number.isFinite(scale)) return undefined;
  const shift = unitShift(scale, top);
  const fine = inUnits(Math.abs(scale), shift + 6);
  return { shift, sign: Math.sign(scale), s0: Math.floor((fine + 32) / 64), fine };
}

/** Reads and writes 64-bit sums held as two words, low first; exact below 2^53. */
export const wideAt = (array: Uint32Array, at: number): number => (array[at + 1] ?? 0) * 2 ** 32 + (array[at] ?? 0);

export function putWide(array: Uint32Array, at: number, value: number): void {
  array[at] = value % 2 ** 32;
  array[at + 1] = Math.floor(value / 2 ** 32);
}

export const asInts = (bytes: Uint8Array | undefined): Int32Array =>
  bytes ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2) : new Int32Array(0);
