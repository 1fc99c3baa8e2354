// Reference of nn/axis-resample in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";

export const axisResampleReference: KernelReference = (params, [x, indices, weights, y]) => {
  if (!indices) return;
  const { outer = 0, axis = 0, inner = 0, length = 0, taps = 0, fill = 0 } = params;
  const [from, factors, to] = [asF32(x), asF32(weights), asF32(y)];
  const places = new Int32Array(indices.buffer, indices.byteOffset, indices.length / 4);
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < length; j++) {
      const outside = (places[j * taps] ?? 0) < 0;
      for (let i = 0; i < inner; i++) {
        let sum = outside ? fill : 0;
        for (let t = j * taps; t < (outside ? 0 : (j + 1) * taps); t++) {
          if (factors[t]) sum += (factors[t] ?? 0) * (from[(o * axis + (places[t] ?? 0)) * inner + i] ?? 0);
        }
        to[(o * length + j) * inner + i] = sum;
      }
    }
  }
};
