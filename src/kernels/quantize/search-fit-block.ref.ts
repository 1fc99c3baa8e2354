// Reference of quantize/search-fit-block: for each block the codes that every trial gives, their least-squares scale,
// and the error that they leave, by definition in doubles, which hold all of it exactly.
import { decodeHalf, encodeHalf } from "../../base/half.ts";
import type { KernelReference } from "../kernel.ts";
import { collectBlocks, type BlockParams } from "./search-blocks.ts";
import { fitTrials } from "./search-fit-block.ts";
import { asInts, bitsOfValue, valueOf, words } from "./search-units.ts";

/** Sums over a block: X * p and p * p, p being codes minus the zero point. */
interface Sums {
  readonly a: number;
  readonly b: number;
}

export const searchFitBlockReference: KernelReference = (params, [source, scales, zeroPoints]) => {
  const { asymmetric, half_scales: half, code_min: min = 0, code_max: max = 0, unit: bits = 0 } = params;
  const { first = 0, step = 0 } = params;
  const unit = 2 ** bits;
  const [scaleWords, zeros] = [words(scales), asInts(zeroPoints)];
  const blockParams = { ...params, weighted: 0 } as unknown as BlockParams;
  for (const { group, values } of collectBlocks(blockParams, words(source), new Uint32Array(0))) {
    const scale = valueOf(scaleWords[group] ?? 0);
    if (!(Math.abs(scale) >= 2 ** -100 && Math.abs(scale) < 2 ** 101)) continue;
    const zero = asymmetric === 1 ? (zeros[group] ?? 0) : 0;
    const units = Math.fround(unit / scale);
    const reach = (codes: number): number => Math.fround(Math.abs(scale) * (codes + 1.03125));
    const [up, down] = [reach(max - zero), reach(zero - min)];
    const [highest, lowest] = scale < 0 ? [down, up] : [up, down];
    if (values.some((x) => !(x <= highest && -x <= lowest))) continue;
    const weights = values.map((x) => roundHalfEven(Math.fround(x * units)));
    const sumsAt = (i: number, moved: number): Sums => {
      let [a, b] = [0, 0];
      for (const x of weights) {
        const p = Math.min(max - moved, Math.max(min - moved, roundHalfEven((x * i) / (128 * unit))));
        a += x * p;
        b += p * p;
      }
      return { a, b };
    };
    let best = { a: 0, b: 0, score: 0, zero, i: first };
    const attempt = (i: number, moved: number): void => {
      if (moved < min || moved > max) return;
      const { a, b } = sumsAt(i, moved);
      const s = Math.floor(a / Math.max(b, 1));
      const score = Math.fround(s * Math.fround(2 * a - s * Math.max(b, 1)));
      if (score > best.score) best = { a, b, score, zero: moved, i };
    };
    for (let k = 0; k < fitTrials; k++) attempt(first + k * step, zero);
    // The neighbours are tried where the best trial reads its codes off.
    if (asymmetric === 1) for (const side of [-1, 1]) attempt(best.i, zero + side);
    if (best.b === 0) continue;
    const exact = Math.fround(scale * (Math.fround(best.a / best.b) / unit));
    const stored = half === 1 ? asHalf(exact) : exact;
    const s = roundHalfEven(Math.fround(stored * units));
    const off = best.a - s * best.b;
    const own = sumsAt(128, zero);
    const margin = Math.floor((values.length * 9) / 4) + Math.floor((3 * best.b) / unit) + 2;
    const needed = 2 * own.a - own.b * unit + margin;
    const bar = Math.ceil(needed / 2) * 2 * unit;
    if (!(Math.abs(off) <= 2 * best.b && Math.fround(s * Math.fround(best.a + off)) > bar)) continue;
    scaleWords[group] = bitsOfValue(stored);
    if (asymmetric === 1) zeros[group] = best.zero;
  }
};

function roundHalfEven(x: number): number {
  const lower = Math.floor(x);
  const rest = x - lower;
  return rest > 0.5 || (rest === 0.5 && lower % 2 !== 0) ? lower + 1 : lower;
}

const asHalf = (x: number): number => decodeHalf(encodeHalf(Math.min(65504, Math.max(-65504, x))));
