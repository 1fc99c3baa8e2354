// Reference of quantize/float8-encode: counts the midpoints m with m * scale below |x|.
import type { KernelReference } from "../kernel.ts";
import { elementOf, midpointsOf, nearestByProducts, signOf } from "./microfloat-ref.ts";
import { asF32, countedValue, forEachElement, shapeOf } from "./shape.ts";

export const float8EncodeReference: KernelReference = (params, [source, scales, codes]) => {
  const [x, scale] = [asF32(source), asF32(scales)];
  if (!codes) return;
  codes.fill(0, 0, (params["words"] ?? 0) * 4);
  const element = elementOf({ ...params, has_infinity: params["mantissa_bits"] === 2 ? 1 : 0 });
  const midpoints = midpointsOf(element, element.largest);
  forEachElement(shapeOf(params), (index, position, group) => {
    const value = x[index] ?? 0;
    if (!Number.isFinite(value)) return;
    const step = scale[group] ?? 0;
    const code = step === 0 ? 0 : nearestByProducts(midpoints, countedValue(value), 1, step);
    codes[position] = code | (signOf(value) << 7);
  });
};
