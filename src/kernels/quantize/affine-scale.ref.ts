// Reference of quantize/affine-scale: the affine rule in doubles.
import type { KernelReference } from "../kernel.ts";
import { affineScale, affineZeroPoint, asI32, wideRuleOf } from "./affine-rule.ts";
import { asF32, countedValue } from "./shape.ts";

export const affineScaleReference: KernelReference = (params, [ranges, scales, zeroPoints]) => {
  const { groups = 0 } = params;
  const rule = wideRuleOf(params);
  const [range, scale, zero] = [asF32(ranges), asF32(scales), asI32(zeroPoints)];
  for (let group = 0; group < groups; group++) {
    const low = countedValue(range[2 * group] ?? 0);
    const value = affineScale(low, countedValue(range[2 * group + 1] ?? 0), rule);
    scale[group] = value;
    zero[group] = affineZeroPoint(low, value, rule);
  }
};
