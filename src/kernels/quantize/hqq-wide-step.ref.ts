// Reference of quantize/hqq-wide-step: the step of zero point or scale that the sums of a round ask for.
import type { KernelReference } from "../kernel.ts";
import { movedScale, movedZero, ratio, roundedZero } from "./hqq-rule.ts";
import { asInts, firstScale, stateWords, storable, sumWords, words } from "./search-units.ts";

export const hqqWideStepReference: KernelReference = (params, [scales, zeroPoints, state, sums]) => {
  const { groups = 0, top = 0, action = 0, code_min: low = 0, code_max: high = 0, first: floor = 0 } = params;
  const [units, zeros, sumView] = [words(state), asInts(state), words(sums)];
  for (let group = 0; group < groups; group++) {
    const first = firstScale(words(scales)[group] ?? 0, top);
    if (!first) continue;
    const [at, sumAt] = [group * stateWords, group * sumWords];
    const firstZero = params["asymmetric"] === 1 ? (asInts(zeroPoints)[group] ?? 0) : 0;
    const s = units[at] ?? 0;
    const zero = zeros[at + 1] ?? 0;
    const [numerator = 0n, divisor = 0n] = new BigInt64Array(sumView.slice(sumAt, sumAt + 4).buffer);
    const step = ratio(Number(numerator), Number(divisor));
    const outcomes: Readonly<Record<number, () => readonly [number, number]>> = {
      0: () => [first.s0, firstZero * 4096],
      1: () => [s, movedZero(zero, step, firstZero, low, high)],
      2: () => [movedScale(s, step, first.s0, floor), zero],
      3: () => [s, roundedZero(zero) * 4096],
      4: () => [storable(s, first.shift, params["half_scales"] === 1), roundedZero(zero)],
    };
    const [nextScale, nextZero] = outcomes[action]?.() ?? [s, zero];
    units[at] = nextScale;
    zeros[at + 1] = nextZero;
    sumView.fill(0, sumAt, sumAt + 4);
  }
};
