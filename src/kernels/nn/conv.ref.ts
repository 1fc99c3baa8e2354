// Reference of nn/conv: the sum of products in doubles, over the taps that meet the input.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { activate, activationOf } from "./activation.ts";

type Params = Readonly<Record<string, number>>;

/** The taps along one axis that meet the input at one output: their number in the kernel, and where they read. */
export function tapsAt(params: Params, axis: "a" | "b" | "c", output: number): { tap: number; at: number }[] {
  const of = (name: string): number => params[`${name}_${axis}`] ?? 0;
  return Array.from({ length: of("k") }, (_, tap) => ({
    tap,
    at: output * of("stride") + tap * of("dilation") - of("pad"),
  })).filter(({ at }) => at >= 0 && at < of("in"));
}

export const convReference: KernelReference = (params, [x, weights, bias, y]) => {
  const { batch = 1, groups = 1, inputs = 1, outputs = 1, blocks = 1, has_bias = 0, act = 0 } = params;
  const { act_a = 0, act_b = 0 } = params;
  const { in_a = 1, in_b = 1, in_c = 1, x_a = 0, x_b = 0, x_c = 0 } = params;
  const { out_a = 1, out_b = 1, out_c = 1, y_a = 0, y_b = 0, y_c = 0, k_a = 1, k_b = 1, k_c = 1 } = params;
  const [from, kernel, shift, to] = [asF32(x), asF32(weights), asF32(bias), asF32(y)];
  const tile = kernel.length / (groups * blocks * inputs * k_a * k_b * k_c);
  const [inPlane, outPlane] = [in_a * in_b * in_c, out_a * out_b * out_c];
  const activation = activationOf(act, act_a, act_b);
  for (let n = 0; n < batch; n++) {
    for (let channel = 0; channel < groups * outputs; channel++) {
      const [group, output] = [Math.floor(channel / outputs), channel % outputs];
      const block = (group * blocks + Math.floor(output / tile)) * inputs;
      for (let place = 0; place < outPlane; place++) {
        const [a, b, c] = [place % out_a, Math.floor(place / out_a) % out_b, Math.floor(place / (out_a * out_b))];
        let sum = has_bias ? (shift[channel] ?? 0) : 0;
        for (const tc of tapsAt(params, "c", c)) {
          for (const tb of tapsAt(params, "b", b)) {
            for (const ta of tapsAt(params, "a", a)) {
              const tap = (tc.tap * k_b + tb.tap) * k_a + ta.tap;
              const at = (n * groups + group) * inputs * inPlane + ta.at * x_a + tb.at * x_b + tc.at * x_c;
              for (let input = 0; input < inputs; input++) {
                const weight = kernel[((block + input) * k_a * k_b * k_c + tap) * tile + (output % tile)] ?? 0;
                sum += weight * (from[at + input * inPlane] ?? 0);
              }
            }
          }
        }
        to[(n * groups * outputs + channel) * outPlane + a * y_a + b * y_b + c * y_c] = activate(sum, activation);
      }
    }
  }
};
