// Reference of quantize/nvfp4-encode: the E2M1 code whose value * local is nearest to |x| * global.
import { e2m1, e4m3fn, largestCode, microfloatTable } from "../../base/microfloat.ts";
import type { KernelReference } from "../kernel.ts";
import { midpointsOf, nearestByProducts, signOf } from "./microfloat-ref.ts";
import { asF32, countedValue, forEachElement, putCode, shapeOf } from "./shape.ts";

export const nvfp4EncodeReference: KernelReference = (params, [source, globalScale, scales, codes]) => {
  const x = asF32(source);
  const divisor = asF32(globalScale)[0] ?? 1;
  if (!codes) return;
  codes.fill(0, 0, (params["words"] ?? 0) * 4);
  const midpoints = midpointsOf(e2m1, largestCode(e2m1));
  const locals = microfloatTable(e4m3fn);
  forEachElement(shapeOf(params), (index, position, group) => {
    const value = x[index] ?? 0;
    if (!Number.isFinite(value)) return;
    const local = locals[(scales?.[group] ?? 0) & 0x7f] ?? 0;
    const code = local === 0 ? 0 : nearestByProducts(midpoints, countedValue(value), divisor, local);
    putCode(codes, position, 4, code | (signOf(value) << 3));
  });
};
