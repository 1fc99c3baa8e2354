// Reference of quantize/search-hqq-block: the half-quadratic rounds on each block, then the contest by
// squared error against the first scale.
import type { KernelReference } from "../kernel.ts";
import { hqqSums, movedScale, movedZero, ratio, roundedZero } from "./hqq-rule.ts";
import { collectBlocks, openBlock, readingOf, type BlockParams } from "./search-blocks.ts";
import { asInts, bitsOfValue, nearestSteps, squares256, storable, surelyLess, words } from "./search-units.ts";

export const searchHqqBlockReference: KernelReference = (given, buffers) => {
  const params = given as unknown as BlockParams & { first: number; zero_rounds: number; scale_rounds: number };
  const [source, importance, powers, scales, zeroPoints] = buffers;
  const [scaleWords, zeros] = [words(scales), asInts(zeroPoints)];
  for (const members of collectBlocks(given, words(source), words(importance))) {
    const block = openBlock(params, members, scaleWords[members.group] ?? 0, zeros[members.group] ?? 0);
    if (!block) continue;
    const weights = params.weighted === 1 ? block.floors.map((w) => w + 1) : undefined;
    const codes = { drop: params.drop, low: params.code_min, high: params.code_max };
    let state = { s: block.s0, zero: block.zero * 4096 };
    for (let round = 0; round < params.zero_rounds + params.scale_rounds; round++) {
      const movesZero = round < params.zero_rounds;
      if (round === params.zero_rounds) state = { s: state.s, zero: roundedZero(state.zero) * 4096 };
      const { numerator, divisor } = hqqSums(block.units, weights, state, codes, words(powers), round, movesZero);
      const step = ratio(numerator, divisor);
      state = movesZero
        ? { s: state.s, zero: movedZero(state.zero, step, block.zero, params.code_min, params.code_max) }
        : { s: movedScale(state.s, step, block.s0, params.first), zero: state.zero };
    }
    const s = storable(state.s, block.shift, params.half_scales === 1);
    if (s === 0) continue;
    const zero = roundedZero(state.zero);
    let error = 0;
    for (const [index, x] of block.units.entries()) {
      const d = nearestSteps(x, s * 64, s, readingOf(params, zero));
      error += weights ? d * d * (weights[index] ?? 0) : squares256(d);
    }
    if (!surelyLess(error, block.slack, block.firstError)) continue;
    scaleWords[members.group] = bitsOfValue((block.sign * s) / 2 ** block.shift);
    if (params.asymmetric === 1) zeros[members.group] = zero;
  }
};
