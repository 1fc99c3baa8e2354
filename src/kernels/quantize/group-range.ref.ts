// Reference of quantize/group-range: minimum and maximum of 0 and each segment's elements.
import type { KernelReference } from "../kernel.ts";
import { asF32, countedValue, forEachElement, shapeOf } from "./shape.ts";

export const groupRangeReference: KernelReference = (params, [source, ranges]) => {
  const { groups = 0, segments = 1, segment_length: length = 1, interleave = 1 } = params;
  const [x, out] = [asF32(source), asF32(ranges)];
  out.fill(0, 0, groups * segments * 2);
  const seen = new Uint32Array(groups);
  forEachElement(shapeOf(params), (element, _position, group) => {
    const ordinal = seen[group] ?? 0;
    seen[group] = ordinal + 1;
    const segment = Math.floor(ordinal / (interleave * length)) * interleave + (ordinal % interleave);
    const at = 2 * (group * segments + segment);
    const value = countedValue(x[element] ?? 0);
    if (value < (out[at] ?? 0)) out[at] = value;
    if (value > (out[at + 1] ?? 0)) out[at + 1] = value;
  });
};
