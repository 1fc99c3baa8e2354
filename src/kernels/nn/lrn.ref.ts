// Reference of nn/lrn in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";

export const lrnReference: KernelReference = (params, [x, y]) => {
  const { batch = 0, channels = 0, inner = 0, size = 1, alpha = 0, beta = 0, bias = 0 } = params;
  const [from, to] = [asF32(x), asF32(y)];
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const first = Math.max(0, c - Math.floor((size - 1) / 2));
      const last = Math.min(channels - 1, c + Math.ceil((size - 1) / 2));
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        for (let k = first; k <= last; k++) sum += (from[(n * channels + k) * inner + i] ?? 0) ** 2;
        const at = (n * channels + c) * inner + i;
        to[at] = (from[at] ?? 0) / (bias + (alpha / size) * sum) ** beta;
      }
    }
  }
};
