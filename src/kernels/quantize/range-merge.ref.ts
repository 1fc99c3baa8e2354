// Reference of quantize/range-merge: minimum of the lowest and maximum of the highest of each run of ranges.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "./shape.ts";

export const rangeMergeReference: KernelReference = (params, [partials, ranges]) => {
  const { groups = 0, count = 0, span = 1 } = params;
  const [parts, out] = [asF32(partials), asF32(ranges)];
  const folded = Math.ceil(count / span);
  out.fill(0, 0, groups * folded * 2);
  for (let group = 0; group < groups; group++) {
    for (let index = 0; index < count; index++) {
      const from = 2 * (group * count + index);
      const to = 2 * (group * folded + Math.floor(index / span));
      out[to] = Math.min(out[to] ?? 0, parts[from] ?? 0);
      out[to + 1] = Math.max(out[to + 1] ?? 0, parts[from + 1] ?? 0);
    }
  }
};
