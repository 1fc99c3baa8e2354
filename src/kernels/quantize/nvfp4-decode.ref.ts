// Reference of quantize/nvfp4-decode: value(code) * f32(local / global), each step rounded once.
import { decodeMicrofloat, e2m1, e4m3fn } from "../../base/microfloat.ts";
import type { KernelReference } from "../kernel.ts";
import { bitsOf, roundFlushed } from "./microfloat-ref.ts";
import { asF32, asU32, forEachElement, getCode, shapeOf } from "./shape.ts";

export const nvfp4DecodeReference: KernelReference = (params, [codes, globalScale, scales, decoded]) => {
  const divisor = asF32(globalScale)[0] ?? 1;
  const out = asU32(decoded);
  if (!codes) return;
  forEachElement(shapeOf(params), (index, position, group) => {
    const local = decodeMicrofloat(e4m3fn, (scales?.[group] ?? 0) & 0x7f);
    const quotient = Math.fround(local / divisor);
    const scale = quotient < 2 ** -120 ? 0 : quotient;
    const code = getCode(codes, position, 4);
    const magnitude = roundFlushed(decodeMicrofloat(e2m1, code & 7) * scale);
    out[index] = Number.isNaN(local) ? bitsOf(local) : (bitsOf(magnitude) | ((code & 8) << 28)) >>> 0;
  });
};
