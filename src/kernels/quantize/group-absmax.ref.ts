// Reference of quantize/group-absmax: max |x| of each segment of each group, at most 2^100.
import type { KernelReference } from "../kernel.ts";
import { asF32, countedValue, forEachElement, shapeOf } from "./shape.ts";

export const groupAbsmaxReference: KernelReference = (params, [source, absmax]) => {
  const { groups = 0, segments = 0, segment_length: length = 1 } = params;
  const [x, out] = [asF32(source), asF32(absmax)];
  out.fill(0, 0, groups * segments);
  const seen = new Uint32Array(groups);
  forEachElement(shapeOf(params), (element, _position, group) => {
    const ordinal = seen[group] ?? 0;
    seen[group] = ordinal + 1;
    const segment = Math.floor(ordinal / length);
    if (segment >= segments) return;
    const at = group * segments + segment;
    out[at] = Math.max(out[at] ?? 0, Math.min(Math.abs(countedValue(x[element] ?? 0)), 2 ** 100));
  });
};
