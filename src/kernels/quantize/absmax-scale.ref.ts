// Reference of quantize/absmax-scale. The f64 quotient of two f32 rounds to f32 as the real one does.
import type { KernelReference } from "../kernel.ts";
import { roundToHalf } from "./round-half.ts";
import { asF32 } from "./shape.ts";

const largestF32 = 2 ** 128 - 2 ** 104;

export const absmaxScaleReference: KernelReference = (params, [absmax, scales]) => {
  const { groups = 0, range = 1, inverse = 0, half = 0 } = params;
  const [largest, out] = [asF32(absmax), asF32(scales)];
  for (let group = 0; group < groups; group++) {
    const top = largest[group] ?? 0;
    const inverted = top === 0 ? 1 : range / top;
    const quotient = Math.min(Math.fround(inverse === 1 ? inverted : top / range), largestF32);
    const scale = quotient < 2 ** -120 ? 0 : quotient;
    out[group] = half === 1 ? roundToHalf(scale) : scale;
  }
};
