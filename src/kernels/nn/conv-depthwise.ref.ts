// Reference of nn/conv-depthwise: the sum of products in doubles, over the taps that meet the input.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { activate, activationOf } from "./activation.ts";
import { tapsAt } from "./conv.ref.ts";

export const convDepthwiseReference: KernelReference = (params, [x, weights, bias, y]) => {
  const { planes = 0, channels = 1, multiplier = 1, has_bias = 0, act = 0, act_a = 0, act_b = 0 } = params;
  const { in_a = 1, in_b = 1, in_c = 1, x_a = 0, x_b = 0, x_c = 0, w_a = 0, w_b = 0, w_c = 0 } = params;
  const { out_a = 1, out_b = 1, out_c = 1, y_a = 0, y_b = 0, y_c = 0, k_a = 1, k_b = 1, k_c = 1 } = params;
  const [from, kernel, shift, to] = [asF32(x), asF32(weights), asF32(bias), asF32(y)];
  const activation = activationOf(act, act_a, act_b);
  for (let plane = 0; plane < planes; plane++) {
    const [channel, target] = [plane % channels, plane * out_a * out_b * out_c];
    // Planes of x and of y are in the same order, `multiplier` of y for one of x.
    const base = Math.floor(plane / multiplier) * in_a * in_b * in_c;
    for (let place = 0; place < out_a * out_b * out_c; place++) {
      const [a, b, c] = [place % out_a, Math.floor(place / out_a) % out_b, Math.floor(place / (out_a * out_b))];
      let sum = has_bias ? (shift[channel] ?? 0) : 0;
      for (const tc of tapsAt(params, "c", c)) {
        for (const tb of tapsAt(params, "b", b)) {
          for (const ta of tapsAt(params, "a", a)) {
            const w = channel * k_a * k_b * k_c + ta.tap * w_a + tb.tap * w_b + tc.tap * w_c;
            sum += (kernel[w] ?? 0) * (from[base + ta.at * x_a + tb.at * x_b + tc.at * x_c] ?? 0);
          }
        }
      }
      to[target + a * y_a + b * y_b + c * y_c] = activate(sum, activation);
    }
  }
};
