// Reference of quantize/affine-block: the affine rule applied to each block's range, then to its elements.
import type { KernelReference } from "../kernel.ts";
import { affineCodes, affineScale, affineZeroPoint, asI32, packCodes, ruleOf } from "./affine-rule.ts";
import { asF32, countedValue, forEachElement, groupsOf, shapeOf } from "./shape.ts";

export const affineBlockReference: KernelReference = (params, [source, codes, scales, zeroPoints]) => {
  if (!codes) return;
  const { outer = 0, inner = 0, dim = 0, row_words: rowWords = 0 } = params;
  const rule = ruleOf(params);
  // Groups lie in the order of the rows either way; with inner = 1 that is the natural order too.
  const rows = { ...shapeOf(params), order: 1 };
  const [x, scale, zero] = [asF32(source), asF32(scales), asI32(zeroPoints)];
  const ranges = Array.from({ length: groupsOf(rows) }, () => ({ low: 0, high: 0 }));
  forEachElement(rows, (element, _position, group) => {
    const value = countedValue(x[element] ?? 0);
    const range = ranges[group];
    if (!range) return;
    range.low = Math.min(range.low, value);
    range.high = Math.max(range.high, value);
  });
  for (const [group, { low, high }] of params["given"] === 1 ? [] : ranges.entries()) {
    const value = affineScale(low, high, rule);
    scale[group] = value;
    zero[group] = affineZeroPoint(low, value, rule);
  }
  const unpadded = rowWords * 32 === dim * rule.bits;
  const layout = unpadded && outer * inner > 0 && inner === 1 ? { ...rows, order: 0 } : rows;
  packCodes(affineCodes(layout, x, scale, zero, rule), rule.bits, codes);
};
