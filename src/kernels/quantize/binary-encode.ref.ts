// Reference of quantize/binary-encode: 1 where x >= 0.
import type { KernelReference } from "../kernel.ts";
import { asF32, countedValue, forEachElement, putCode, shapeOf } from "./shape.ts";

export const binaryEncodeReference: KernelReference = (params, [source, codes]) => {
  const x = asF32(source);
  if (!codes) return;
  codes.fill(0, 0, (params["words"] ?? 0) * 4);
  forEachElement(shapeOf(params), (element, position) => {
    putCode(codes, position, 1, countedValue(x[element] ?? 0) >= 0 ? 1 : 0);
  });
};
