// Reference of quantize/ternary-encode: sign(x) + 1 beyond the threshold, else 1.
import type { KernelReference } from "../kernel.ts";
import { asF32, codesOf, countedValue, forEachElement, putCode, shapeOf } from "./shape.ts";

export const ternaryEncodeReference: KernelReference = (params, [source, thresholds, codes]) => {
  const [x, threshold] = [asF32(source), asF32(thresholds)];
  if (!codes) return;
  codes.fill(0, 0, (params["words"] ?? 0) * 4);
  const shape = shapeOf(params);
  const all = new Uint8Array(codesOf(shape)).fill(1);
  forEachElement(shape, (element, position, group) => {
    const value = countedValue(x[element] ?? 0);
    const limit = threshold[group] ?? 0;
    if (limit > 0 && Math.abs(value) > limit) all[position] = value < 0 ? 0 : 2;
  });
  for (const [position, code] of all.entries()) putCode(codes, position, 2, code);
};
