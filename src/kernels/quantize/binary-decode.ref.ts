// Reference of quantize/binary-decode: +scale for 1, -scale for 0.
import type { KernelReference } from "../kernel.ts";
import { asF32, forEachElement, getCode, shapeOf } from "./shape.ts";

export const binaryDecodeReference: KernelReference = (params, [codes, scales, decoded]) => {
  const [scale, out] = [asF32(scales), asF32(decoded)];
  if (!codes) return;
  forEachElement(shapeOf(params), (element, position, group) => {
    const step = scale[group] ?? 0;
    out[element] = getCode(codes, position, 1) === 1 ? step : -step;
  });
};
