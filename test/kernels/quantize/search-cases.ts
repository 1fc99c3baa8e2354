// Data and first scales for the cases of the scale searches: random tensors of several characters, with
// the scale and zero point that absmax gives, in doubles and then stored.
import { groupsOf, forEachElement, shapeParams } from "../../../src/kernels/quantize/shape.ts";
import type { CodeLayout, Geometry } from "../../../src/kernels/quantize/geometry.ts";
import type { SearchTarget } from "../../../src/kernels/quantize/search-units.ts";

export type Character = "gauss" | "laplace" | "outlier" | "positive" | "zero" | "constant" | "tiny" | "wild";

/** Deterministic uniform numbers in (0, 1). */
export function uniform(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0;
    return (((mixed ^ (mixed >>> 13)) >>> 0) + 0.5) / 2 ** 32;
  };
}

export function randomValues(character: Character, count: number, seed: number): Float32Array {
  const next = uniform(seed);
  const gauss = (): number => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
  const draw: Record<Character, (index: number) => number> = {
    gauss: () => gauss() * 0.05,
    laplace: () => {
      const u = next() - 0.5;
      return -Math.sign(u) * Math.log(1 - 2 * Math.abs(u)) * 0.05;
    },
    outlier: () => gauss() * (next() < 0.02 ? 2 : 0.1),
    positive: () => Math.abs(gauss()),
    zero: () => 0,
    constant: () => -0.37,
    tiny: () => gauss() * 2 ** -112,
    wild: (index) => [NaN, Infinity, 3e-40, -1e38][index % 97] ?? gauss(),
  };
  return Float32Array.from({ length: count }, (_, index) => draw[character](index));
}

export const target = (
  bits: 2 | 4 | 8,
  scheme: "symmetric" | "full" | "asymmetric",
  halfScale = false,
): SearchTarget => ({
  bits,
  asymmetric: scheme === "asymmetric",
  full: scheme === "full",
  codeMin: scheme === "asymmetric" ? 0 : -(2 ** (bits - 1)),
  codeMax: scheme === "asymmetric" ? 2 ** bits - 1 : 2 ** (bits - 1) - 1,
  halfScale,
});

/** Rounds a double to f16 (to nearest even), without range checks beyond saturation. */
export function toHalf(x: number): number {
  if (x === 0) return 0;
  const quantum = 2 ** Math.max(Math.floor(Math.log2(Math.abs(x))) - 10, -24);
  const scaled = x / quantum;
  const lower = Math.floor(scaled);
  const up = scaled - lower > 0.5 || (scaled - lower === 0.5 && lower % 2 !== 0);
  return (lower + (up ? 1 : 0)) * quantum;
}

export interface Start {
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
}

/** What absmax (min and max when asymmetric) chooses for every group. */
export function absmaxStart(of: SearchTarget, geometry: Geometry, layout: CodeLayout, x: Float32Array): Start {
  const shape = shapeParams(geometry, layout);
  const groups = groupsOf(shape);
  const low = new Float64Array(groups);
  const high = new Float64Array(groups);
  forEachElement(shape, (element, _position, group) => {
    low[group] = Math.min(low[group] ?? 0, x[element] ?? 0);
    high[group] = Math.max(high[group] ?? 0, x[element] ?? 0);
  });
  const scales = new Float32Array(groups);
  const zeroPoints = new Int32Array(groups);
  for (let group = 0; group < groups; group++) {
    const [min, max] = [low[group] ?? 0, high[group] ?? 0];
    const signed = max > -min ? max : min;
    let scale = Math.abs(signed) / (of.codeMax || 1);
    if (of.full) scale = -signed / 2 ** (of.bits - 1);
    if (of.asymmetric) scale = (max - min) / (2 ** of.bits - 1);
    scales[group] = of.halfScale ? toHalf(scale) : scale;
    const step = scales[group] ?? 0;
    if (of.asymmetric && step > 0 && Number.isFinite(step)) {
      zeroPoints[group] = Math.min(of.codeMax, Math.max(0, Math.round(-min / step)));
    }
  }
  return { scales, zeroPoints };
}

/** The true (weighted) squared error per group, in doubles, every weight at its nearest code. */
export function trueErrors(
  of: SearchTarget,
  geometry: Geometry,
  layout: CodeLayout,
  x: Float32Array,
  { scales, zeroPoints }: Start,
  importance?: Float32Array,
): Float64Array {
  const shape = shapeParams(geometry, layout);
  const errors = new Float64Array(groupsOf(shape));
  forEachElement(shape, (element, _position, group) => {
    const value = x[element] ?? 0;
    const scale = scales[group] ?? 0;
    const zero = of.asymmetric ? (zeroPoints[group] ?? 0) : 0;
    const p = scale === 0 ? 0 : Math.round(value / scale);
    const decoded = Math.min(of.codeMax - zero, Math.max(of.codeMin - zero, p)) * scale;
    const weight = importance ? (importance[Math.floor(element / shape.inner) % shape.dim] ?? 0) : 1;
    errors[group] = (errors[group] ?? 0) + weight * (value - decoded) ** 2;
  });
  return errors;
}

export const bytesOf = (array: Float32Array | Int32Array | Uint32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
