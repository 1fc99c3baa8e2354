// Reference of quantize/nvfp4-scale: the E4M3 code nearest to absmax * global / 6, at least 1 unless all is 0.
import { e4m3fn, largestCode } from "../../base/microfloat.ts";
import type { KernelReference } from "../kernel.ts";
import { midpointsOf, nearestByProducts } from "./microfloat-ref.ts";
import { asF32, countedValue, forEachElement, shapeOf } from "./shape.ts";

export const nvfp4ScaleReference: KernelReference = (params, [source, globalScale, scales]) => {
  const { groups = 0 } = params;
  const x = asF32(source);
  const divisor = asF32(globalScale)[0] ?? 1;
  const absmax = new Float64Array(groups);
  forEachElement(shapeOf(params), (element, _position, group) => {
    absmax[group] = Math.max(absmax[group] ?? 0, Math.abs(countedValue(x[element] ?? 0)));
  });
  if (!scales) return;
  scales.fill(0, 0, Math.ceil(groups / 4) * 4);
  const midpoints = midpointsOf(e4m3fn, largestCode(e4m3fn));
  for (const [group, value] of absmax.entries()) {
    const nearest = nearestByProducts(midpoints, value, divisor, 6);
    scales[group] = value === 0 ? 0 : Math.max(1, nearest);
  }
};
