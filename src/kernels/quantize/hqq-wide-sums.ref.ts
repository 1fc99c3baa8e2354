// Reference of quantize/hqq-wide-sums: adds numerator and divisor of a round to each group's 64-bit sums.
import type { KernelReference } from "../kernel.ts";
import { hqqSums } from "./hqq-rule.ts";
import { collectBlocks, type BlockParams } from "./search-blocks.ts";
import { asInts, firstScale, inUnits, stateWords, sumWords, words } from "./search-units.ts";

export const hqqWideSumsReference: KernelReference = (given, [source, scales, powers, state, sums]) => {
  const params = given as unknown as BlockParams & { round: number; moves_zero: number };
  const totals = new BigInt64Array(2);
  const sumView = words(sums);
  for (const { group, values } of collectBlocks(given, words(source), new Uint32Array(0))) {
    const first = firstScale(words(scales)[group] ?? 0, params.top);
    if (!first) continue;
    const units = values.map((x) => first.sign * inUnits(x, first.shift));
    const [s, zero] = [words(state)[group * stateWords] ?? 0, asInts(state)[group * stateWords + 1] ?? 0];
    const codes = { drop: params.drop, low: params.code_min, high: params.code_max };
    const movesZero = params.moves_zero === 1;
    const found = hqqSums(units, undefined, { s, zero }, codes, words(powers), params.round, movesZero);
    const at = group * sumWords;
    const parts = new Uint32Array(totals.buffer);
    parts.set(sumView.subarray(at, at + 4));
    totals[0] = (totals[0] ?? 0n) + BigInt(found.numerator);
    totals[1] = (totals[1] ?? 0n) + BigInt(found.divisor);
    sumView.set(parts, at);
  }
};
