// Reference of quantize/search-wide-pick: keeps the candidate of the least summed error; at the end replaces
// the first scale where that error is surely less than the first scale's.
import type { KernelReference } from "../kernel.ts";
import { asInts, bitsOfValue, firstScale, putWide, searchStages, stateWords, sumWords, surelyLess, trialAt, trialCounts, wideAt, words } from "./search-units.ts"; // prettier-ignore

const unset = 2 ** 64;

export const searchWidePickReference: KernelReference = (params, [scales, zeroPoints, state, sums]) => {
  const { groups = 0, count = 0, asymmetric = 0, top = 0, stage = 0, last = 0 } = params;
  const [scaleView, zeroView, stateView, sumsView] = [words(scales), asInts(zeroPoints), words(state), words(sums)];
  for (let group = 0; group < groups; group++) {
    const [stateAt, sumAt] = [group * stateWords, group * sumWords];
    const first = firstScale(scaleView[group] ?? 0, top);
    let best = { s: stateView[stateAt] ?? 0, zero: asInts(state)[stateAt + 1] ?? 0 };
    // An error that was never set is the largest 64-bit number; doubles round it to 2^64.
    let bestError = wideAt(stateView, stateAt + 2);
    if (stage === searchStages.open) {
      best = {
        s: first?.s0 ?? unusableUnits(scaleView[group] ?? 0),
        zero: asymmetric === 1 ? (zeroView[group] ?? 0) : 0,
      };
      bestError = unset;
      sumsView[sumAt + 18] = 0;
    } else if (first) {
      const anchor = best;
      const candidates = trialCounts[stage] ?? 0;
      for (let k = 0; k < candidates; k++) {
        const trial = trialAt(params, k, first.s0, anchor, first.shift);
        const error = wideAt(sumsView, sumAt + 2 * k);
        if (trial.s === 0 || error >= bestError) continue;
        bestError = error;
        best = trial;
      }
      if (stage === searchStages.coarse || stage === searchStages.given) {
        putWide(stateView, stateAt + 4, wideAt(sumsView, sumAt + 2 * candidates));
      }
    }
    stateView[stateAt] = best.s;
    asInts(state)[stateAt + 1] = best.zero;
    if (bestError >= unset) stateView.fill(0xffffffff, stateAt + 2, stateAt + 4);
    else putWide(stateView, stateAt + 2, bestError);
    sumsView.fill(0, sumAt, sumAt + 18);
    if (last === 0 || !first || sumsView[sumAt + 18] !== 0) continue;
    if (!surelyLess(bestError, 5 * count, wideAt(stateView, stateAt + 4))) continue;
    scaleView[group] = bitsOfValue((first.sign * best.s) / 2 ** first.shift);
    if (asymmetric === 1) zeroView[group] = best.zero;
  }
};

/** What the state holds where the first scale is zero (0) or not finite (the largest units); never used. */
const unusableUnits = (word: number): number => ((word >>> 23) & 0xff ? Math.floor((0x3fffffff + 32) / 64) : 0);
