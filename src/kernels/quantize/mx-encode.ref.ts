// Reference of quantize/mx-encode: the nearest element of x / 2^(scale - 127), an exact quotient.
import { decodeE8m0 } from "../../base/float8.ts";
import type { KernelReference } from "../kernel.ts";
import { elementOf, midpointsOf, nearestByProducts, signOf } from "./microfloat-ref.ts";
import { asF32, forEachElement, putCode, shapeOf } from "./shape.ts";

export const mxEncodeReference: KernelReference = (params, [source, scales, codes]) => {
  const { words = 0, bits = 8 } = params;
  const x = asF32(source);
  if (!codes) return;
  codes.fill(0, 0, words * 4);
  const element = elementOf({ ...params, has_infinity: bits === 8 && params["mantissa_bits"] === 2 ? 1 : 0 });
  const midpoints = midpointsOf(element, element.largest);
  forEachElement(shapeOf(params), (index, position, group) => {
    const scale = decodeE8m0(scales?.[group] ?? 0);
    if (Number.isNaN(scale)) return;
    const value = x[index] ?? 0;
    const counted = Math.abs(value) < 2 ** -126 ? 0 : value;
    const code = nearestByProducts(midpoints, counted, 1, scale);
    putCode(codes, position, bits, code | (signOf(value) << (bits - 1)));
  });
};
