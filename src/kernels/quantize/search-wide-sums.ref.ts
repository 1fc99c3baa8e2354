// Reference of quantize/search-wide-sums: adds each candidate's squared error over each group to its sum.
import type { KernelReference } from "../kernel.ts";
import { collectBlocks, readingOf, type BlockParams } from "./search-blocks.ts";
import { asInts, firstScale, inUnits, nearestSteps, putWide, squares256, stateWords, sumWords, trialAt, trialCounts, wideAt, words } from "./search-units.ts"; // prettier-ignore

export const searchWideSumsReference: KernelReference = (given, [source, scales, zeroPoints, state, sums]) => {
  const params = given as unknown as BlockParams & { stage: number; trials: number };
  const [stateView, sumsView] = [words(state), words(sums)];
  for (const { group, values } of collectBlocks(given, words(source), new Uint32Array(0))) {
    const first = firstScale(words(scales)[group] ?? 0, params.top);
    if (!first) continue;
    const units = values.map((x) => first.sign * inUnits(x, first.shift));
    const candidates = trialCounts[params.stage] ?? 0;
    for (let k = 0; k < params.trials; k++) {
      let fine = first.fine;
      let zero = params.asymmetric === 1 ? (asInts(zeroPoints)[group] ?? 0) : 0;
      if (k < candidates) {
        const [s = 0, bestZero = 0] = [stateView[group * stateWords], asInts(state)[group * stateWords + 1]];
        const trial = trialAt(given, k, first.s0, { s, zero: bestZero }, first.shift);
        if (trial.s === 0) continue;
        fine = trial.s * 64;
        zero = trial.zero;
      }
      const reading = readingOf(params, zero);
      const s = Math.floor((fine + 32) / 64);
      const error = units.reduce((sum, x) => sum + squares256(nearestSteps(x, fine, s, reading)), 0);
      const at = group * sumWords + 2 * k;
      putWide(sumsView, at, wideAt(sumsView, at) + error);
      if (units.some((x) => Math.abs(x) > first.s0 * params.reach)) sumsView[group * sumWords + 18] = 1;
    }
  }
};
