// Reference of nn/fake-quant: the affine rule in doubles.
import type { KernelReference } from "../kernel.ts";
import { affineCode, asI32, wideRuleOf } from "../quantize/affine-rule.ts";
import { asF32, countedValue, forEachElement, shapeOf } from "../quantize/shape.ts";

/** Quotients this far out are beyond all codes. */
const farthest = 2 ** 20;

export const fakeQuantReference: KernelReference = (params, [source, scales, zeroPoints, y]) => {
  const rule = wideRuleOf(params);
  const [from, scale, zero, to] = [asF32(source), asF32(scales), asI32(zeroPoints), asF32(y)];
  forEachElement(shapeOf(params), (element, _, group) => {
    const x = from[element] ?? 0;
    const [s, z] = [scale[group] ?? 1, zero[group] ?? 0];
    const limit = Math.abs(s) * farthest;
    const near = Math.max(-limit, Math.min(limit, x));
    to[element] = Number.isNaN(x) ? x : (affineCode(countedValue(near), s, z, rule) - z) * s;
  });
};
