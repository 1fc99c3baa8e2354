// Reference of nn/count-non-finite: element by element, by the lane that takes it.
import type { KernelReference } from "../kernel.ts";
import { asF32, asU32 } from "../quantize/shape.ts";

export const countNonFiniteReference: KernelReference = (params, [x, found]) => {
  const { count = 0, lanes = 1 } = params;
  const [values, words] = [asF32(x), asU32(found)];
  for (let lane = 0; lane < lanes; lane++) words.set([0, 0, 2 ** 32 - 1], 3 * lane);
  for (const [i, value] of values.subarray(0, count).entries()) {
    if (Number.isFinite(value)) continue;
    const at = 3 * (i % lanes);
    const which = Number.isNaN(value) ? at : at + 1;
    words[which] = (words[which] ?? 0) + 1;
    words[at + 2] = Math.min(words[at + 2] ?? 0, i);
  }
};
