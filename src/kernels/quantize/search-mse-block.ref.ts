// Reference of quantize/search-mse-block: for each block, the squared error of the first scale and of up
// to 14 candidates, in fixed point by definition; the best one replaces the first if surely better.
import type { KernelReference } from "../kernel.ts";
import { collectBlocks, errorUnder, openBlock, type BlockParams } from "./search-blocks.ts";
import { bitsOfValue, coarseCount, storable, surelyLess, words } from "./search-units.ts";

export const searchMseBlockReference: KernelReference = (given, [source, importance, scales, zeroPoints]) => {
  const params = given as unknown as BlockParams & { first: number; step: number; fine: number };
  const scaleWords = words(scales);
  const zeros = new Int32Array(words(zeroPoints).buffer, zeroPoints?.byteOffset, words(zeroPoints).length);
  for (const members of collectBlocks(params, words(source), words(importance))) {
    const block = openBlock(params, members, scaleWords[members.group] ?? 0, zeros[members.group] ?? 0);
    if (!block) continue;
    let best = { error: Infinity, s: block.s0, zero: block.zero };
    const attempt = (s: number, zero: number): void => {
      const stored = storable(s, block.shift, params.half_scales === 1);
      if (stored === 0 || zero < params.code_min || zero > params.code_max) return;
      const error = errorUnder(params, block, stored, zero);
      if (error < best.error) best = { error, s: stored, zero };
    };
    const share = (factor: number): number => Math.floor((block.s0 * factor + 2048) / 4096);
    for (let k = 0; k < coarseCount; k++) attempt(share(params.first + k * params.step), block.zero);
    const coarse = best;
    if (params.asymmetric === 1) for (const side of [-1, 1]) attempt(coarse.s, coarse.zero + side);
    const anchor = best;
    for (const hops of [-2, -1, 1, 2]) attempt(anchor.s + hops * share(params.fine), anchor.zero);
    if (!surelyLess(best.error, block.slack, block.firstError)) continue;
    scaleWords[members.group] = bitsOfValue((block.sign * best.s) / 2 ** block.shift);
    if (params.asymmetric === 1) zeros[members.group] = best.zero;
  }
};
