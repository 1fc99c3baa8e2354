// Reference of gptq/sweep: one output channel after the other, in doubles but for what is stored.
import type { KernelReference } from "../kernel.ts";
import { affineScale, affineZeroPoint, asI32, lowestCode, ruleOf } from "../quantize/affine-rule.ts";
import { asF32, asU32 } from "../quantize/shape.ts";

/** Share of a range that each clip of the grid takes off. */
const clipStep = 1 / 32;

function roundEven(x: number): number {
  const near = Math.round(x);
  return Math.abs(x % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

export const sweepReference: KernelReference = (params, buffers) => {
  const { line = 0, at = 0, count = 0, n = 0, w_row = 0, w_col = 0, find = 0, clips = 1 } = params;
  const { group_row = 0, group_col = 0, block = 1 } = params;
  const [u, y, order, w] = [asF32(buffers[0]), asF32(buffers[1]), asU32(buffers[2]), asF32(buffers[3])];
  const [d, scales, zeros] = [asF32(buffers[4]), asF32(buffers[5]), asI32(buffers[6])];
  const rule = ruleOf(params);
  const lowest = lowestCode(rule);
  const padded = Math.ceil(n / 4) * 4;
  const factor = (i: number, k: number): number => u[(line - 1 - k) * line + line - 1 - i] ?? 0;
  for (let row = 0; row < n; row++) {
    const element = (k: number): number => row * w_row + (order[k] ?? 0) * w_col;
    const group = (k: number): number => row * group_row + Math.floor((order[k] ?? 0) / block) * group_col;
    const sumTo = (k: number, errors: (i: number) => number): number => {
      let sum = at > 0 ? (y[(k - at) * padded + row] ?? 0) : 0;
      for (let i = at; i < k; i++) sum += errors(i) * factor(i, k);
      return sum / factor(k, k);
    };
    const nearest = (target: number, scale: number, zero: number): number => {
      const code = Math.max(lowest, Math.min(lowest + 2 ** rule.bits - 1, roundEven(target / scale) + zero));
      return Math.fround((code - zero) * scale);
    };
    if (find) {
      const exact: number[] = [];
      for (let k = at; k < at + count; k++) exact.push(-sumTo(k, (i) => exact[i - at] ?? 0));
      const targets = exact.map((error, c) => Math.fround((w[element(at + c)] ?? 0) - error));
      const [low, high] = [Math.min(0, ...targets), Math.max(0, ...targets)];
      let least = Number.POSITIVE_INFINITY;
      for (let clip = 0; clip < Math.max(1, clips); clip++) {
        const share = 1 - clipStep * clip;
        const scale = affineScale(Math.fround(low * share), Math.fround(high * share), rule);
        const zero = affineZeroPoint(Math.fround(low * share), scale, rule);
        const loss = targets.reduce(
          (sum, target, c) => sum + ((target - nearest(target, scale, zero)) * factor(at + c, at + c)) ** 2,
          0,
        );
        if (loss >= least) continue;
        least = loss;
        scales[group(at)] = scale;
        zeros[group(at)] = zero;
      }
      for (const [c, error] of exact.entries()) d[(at + c) * padded + row] = error;
      continue;
    }
    for (let k = at; k < at + count; k++) {
      const wanted = (w[element(k)] ?? 0) + sumTo(k, (i) => d[i * padded + row] ?? 0);
      const value = nearest(wanted, scales[group(k)] ?? 1, zeros[group(k)] ?? 0);
      d[k * padded + row] = (w[element(k)] ?? 0) - value;
      w[element(k)] = value;
    }
  }
};
