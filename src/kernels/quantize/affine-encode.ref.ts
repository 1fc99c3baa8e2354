// Reference of quantize/affine-encode: the code of each element by the affine rule, laid out and packed.
import type { KernelReference } from "../kernel.ts";
import { affineCodes, asI32, packCodes, ruleOf } from "./affine-rule.ts";
import { asF32, shapeOf } from "./shape.ts";

export const affineEncodeReference: KernelReference = (params, [source, scales, zeroPoints, codes]) => {
  if (!codes) return;
  const rule = ruleOf(params);
  packCodes(affineCodes(shapeOf(params), asF32(source), asF32(scales), asI32(zeroPoints), rule), rule.bits, codes);
};
