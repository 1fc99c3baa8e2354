// Reference of nn/reduce in doubles; products and sums of integers wrap.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { reduceOps, wholeBase, type ReduceOp } from "./reduce.ts";

const sum = (values: readonly number[]): number => values.reduce((all, v) => all + v, 0);
const largest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity);
const smallest = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity);

const reals: Readonly<Record<ReduceOp, (values: readonly number[]) => number>> = {
  sum,
  mean: (values) => sum(values) / values.length,
  max: largest,
  min: smallest,
  prod: (values) => values.reduce((all, v) => all * v, 1),
  l1: (values) => sum(values.map(Math.abs)),
  l2: (values) => Math.hypot(...values),
  sumSquare: (values) => sum(values.map((v) => v * v)),
  logSum: (values) => Math.log(sum(values)),
  logSumExp: (values) => {
    const high = largest(values);
    if (!Number.isFinite(high)) return high;
    return high + Math.log(sum(values.map((v) => Math.exp(v - high))));
  },
};

/** Folds of integers; what wraps is cut to 32 bits by the array that holds it. */
const wholes: Readonly<Partial<Record<ReduceOp, (values: readonly number[]) => number>>> = {
  sum,
  max: (values) => Math.max(largest(values), -(2 ** 31)),
  min: (values) => Math.min(smallest(values), 2 ** 31 - 1),
  prod: (values) => values.reduce((all, v) => Math.imul(all, v), 1),
};

export const reduceReference: KernelReference = ({ outer = 0, axis = 0, inner = 0, op = 0 }, [x, y]) => {
  if (!x || !y) return;
  const whole = op >= wholeBase;
  const from = whole ? new Int32Array(x.buffer, x.byteOffset, x.length / 4) : asF32(x);
  const to = whole ? new Int32Array(y.buffer, y.byteOffset, y.length / 4) : asF32(y);
  const name = reduceOps[op % wholeBase] ?? "sum";
  const fold = (whole ? wholes[name] : undefined) ?? reals[name];
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      to[o * inner + i] = fold(Array.from({ length: axis }, (_, k) => from[(o * axis + k) * inner + i] ?? 0));
    }
  }
};
