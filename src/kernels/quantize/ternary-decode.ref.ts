// Reference of quantize/ternary-decode: (code - 1) * scale; code 3 is 0.
import type { KernelReference } from "../kernel.ts";
import { asF32, forEachElement, getCode, shapeOf } from "./shape.ts";

export const ternaryDecodeReference: KernelReference = (params, [codes, scales, decoded]) => {
  const [scale, out] = [asF32(scales), asF32(decoded)];
  if (!codes) return;
  forEachElement(shapeOf(params), (element, position, group) => {
    const code = getCode(codes, position, 2);
    const step = scale[group] ?? 0;
    out[element] = code === 0 ? -step : code === 2 ? step : 0;
  });
};
