// Reference of quantize/group-mean: the quotient of big integers, rounded once to f32.
import type { KernelReference } from "../kernel.ts";
import { asF32, asU32 } from "./shape.ts";
import { roundToHalf } from "./round-half.ts";

export const groupMeanReference: KernelReference = (params, [absmax, sums, means, thresholds]) => {
  const { groups = 0, segments = 0, factor = 0, half = 0 } = params;
  const [largest, words, mean, threshold] = [asF32(absmax), asU32(sums), asF32(means), asF32(thresholds)];
  for (let group = 0; group < groups; group++) {
    let sum = 0n;
    let count = 0;
    for (let at = group * segments * 3; at < (group + 1) * segments * 3; at += 3) {
      sum += BigInt(words[at] ?? 0) + (BigInt(words[at + 1] ?? 0) << 32n);
      count += words[at + 2] ?? 0;
    }
    const exact = count === 0 ? 0 : roundedQuotient(sum, BigInt(count)) * unitOf(largest[group] ?? 0);
    const kept = exact < 2 ** -120 ? 0 : exact;
    mean[group] = half === 1 ? roundToHalf(kept) : kept;
    threshold[group] = factor * (mean[group] ?? 0);
  }
};

/** What one step of the fixed-point sums of a group with this absmax stands for. */
const unitOf = (absmax: number): number => (absmax === 0 ? 0 : 2 ** (Math.floor(Math.log2(absmax)) - 31));

/** a / b rounded to 24 significant bits, ties to even; exact in f64. */
function roundedQuotient(a: bigint, b: bigint): number {
  if (a === 0n) return 0;
  // Scale so that the quotient has 24 bits before the point.
  let shift = 24 - (a.toString(2).length - b.toString(2).length);
  const scaled = (): [bigint, bigint] => (shift >= 0 ? [a << BigInt(shift), b] : [a, b << BigInt(-shift)]);
  let [top, bottom] = scaled();
  if (top / bottom >= 1n << 24n) {
    shift -= 1;
    [top, bottom] = scaled();
  }
  const quotient = top / bottom;
  const twice = (top - quotient * bottom) * 2n;
  const up = twice > bottom || (twice === bottom && quotient % 2n === 1n);
  return Number(quotient + (up ? 1n : 0n)) * 2 ** -shift;
}
