// Reference of quantize/mx-decode: value(code) * 2^(scale - 127).
import { decodeE8m0 } from "../../base/float8.ts";
import { decodeMicrofloat } from "../../base/microfloat.ts";
import type { KernelReference } from "../kernel.ts";
import { bitsOf, elementOf } from "./microfloat-ref.ts";
import { asU32, forEachElement, getCode, shapeOf } from "./shape.ts";

export const mxDecodeReference: KernelReference = (params, [codes, scales, decoded]) => {
  const { bits = 8 } = params;
  const out = asU32(decoded);
  const element = elementOf(params);
  if (!codes) return;
  forEachElement(shapeOf(params), (index, position, group) => {
    const value = decodeMicrofloat(element, getCode(codes, position, bits)) * decodeE8m0(scales?.[group] ?? 0);
    out[index] = bitsOf(value);
  });
};
