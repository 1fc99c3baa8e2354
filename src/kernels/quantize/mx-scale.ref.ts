// Reference of quantize/mx-scale: the exponent of absmax, raised where its fraction asks for it.
import type { KernelReference } from "../kernel.ts";
import { asF32, forEachElement, shapeOf } from "./shape.ts";

export const mxScaleReference: KernelReference = (params, [source, scales]) => {
  const { groups = 0, element_exponent: elementExponent = 0, round_up_from: roundUpFrom = 0 } = params;
  const x = asF32(source);
  const absmax = new Float64Array(groups);
  forEachElement(shapeOf(params), (element, _position, group) => {
    const value = Math.abs(x[element] ?? 0);
    absmax[group] = Math.max(absmax[group] ?? 0, Number.isNaN(value) ? Infinity : value);
  });
  if (!scales) return;
  scales.fill(0, 0, Math.ceil(groups / 4) * 4);
  for (const [group, value] of absmax.entries()) {
    scales[group] = value === Infinity ? 0xff : value < 2 ** -126 ? 0 : byteOf(value, elementExponent, roundUpFrom);
  }
};

function byteOf(absmax: number, elementExponent: number, roundUpFrom: number): number {
  let exponent = Math.round(Math.log2(absmax));
  if (2 ** exponent > absmax) exponent -= 1;
  const fraction = absmax / 2 ** exponent - 1;
  return Math.max(0, exponent + 127 - elementExponent + (fraction * 2 ** 23 >= roundUpFrom ? 1 : 0));
}
