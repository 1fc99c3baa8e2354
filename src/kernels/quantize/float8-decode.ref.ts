// Reference of quantize/float8-decode: value(code) * scale, rounded once.
import { decodeMicrofloat } from "../../base/microfloat.ts";
import type { KernelReference } from "../kernel.ts";
import { bitsOf, elementOf, roundFlushed } from "./microfloat-ref.ts";
import { asF32, asU32, forEachElement, shapeOf } from "./shape.ts";

export const float8DecodeReference: KernelReference = (params, [codes, scales, decoded]) => {
  const [scale, out] = [asF32(scales), asU32(decoded)];
  const element = elementOf(params);
  forEachElement(shapeOf(params), (index, position, group) => {
    const code = codes?.[position] ?? 0;
    const value = decodeMicrofloat(element, code & 0x7f);
    const magnitude = Number.isFinite(value) ? roundFlushed(value * (scale[group] ?? 0)) : value;
    out[index] = Number.isNaN(value) ? bitsOf(value) : (bitsOf(magnitude) | ((code & 0x80) << 24)) >>> 0;
  });
};
