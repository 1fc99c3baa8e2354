// Reference of nn/conv-transpose, as a scatter: each input adds its share to the outputs that its taps reach.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { activate, activationOf } from "./activation.ts";

type Params = Readonly<Record<string, number>>;

/** The outputs along one axis that an input reaches, with the tap's number. */
function reached(params: Params, axis: "a" | "b" | "c", input: number): { tap: number; at: number }[] {
  const of = (name: string): number => params[`${name}_${axis}`] ?? 0;
  return Array.from({ length: of("k") }, (_, tap) => ({
    tap,
    at: input * of("stride") + tap * of("dilation") - of("pad"),
  })).filter(({ at }) => at >= 0 && at < of("out"));
}

export const convTransposeReference: KernelReference = (params, [x, weights, bias, y]) => {
  const { batch = 1, groups = 1, inputs = 1, outputs = 1, has_bias = 0, act = 0, act_a = 0, act_b = 0 } = params;
  const { in_a = 1, in_b = 1, in_c = 1, x_a = 0, x_b = 0, x_c = 0, w_a = 0, w_b = 0, w_c = 0 } = params;
  const { out_a = 1, out_b = 1, out_c = 1, y_a = 0, y_b = 0, y_c = 0, k_a = 1, k_b = 1, k_c = 1 } = params;
  const [from, kernel, shift, to] = [asF32(x), asF32(weights), asF32(bias), asF32(y)];
  const [inPlane, outPlane, taps] = [in_a * in_b * in_c, out_a * out_b * out_c, k_a * k_b * k_c];
  const sums = new Float64Array(batch * groups * outputs * outPlane);
  for (let place = 0; place < inPlane; place++) {
    const [a, b, c] = [place % in_a, Math.floor(place / in_a) % in_b, Math.floor(place / (in_a * in_b))];
    const [as, bs, cs] = [reached(params, "a", a), reached(params, "b", b), reached(params, "c", c)];
    for (let plane = 0; plane < batch * groups * inputs; plane++) {
      const value = from[plane * inPlane + a * x_a + b * x_b + c * x_c] ?? 0;
      const [entry, input] = [Math.floor(plane / (groups * inputs)), plane % (groups * inputs)];
      const group = Math.floor(input / inputs);
      for (let output = 0; output < outputs; output++) {
        const target = ((entry * groups + group) * outputs + output) * outPlane;
        for (const tc of cs) {
          for (const tb of bs) {
            for (const ta of as) {
              const w = (input * outputs + output) * taps + ta.tap * w_a + tb.tap * w_b + tc.tap * w_c;
              const at = target + ta.at * y_a + tb.at * y_b + tc.at * y_c;
              sums[at] = (sums[at] ?? 0) + value * (kernel[w] ?? 0);
            }
          }
        }
      }
    }
  }
  const activation = activationOf(act, act_a, act_b);
  for (const [at, sum] of sums.entries()) {
    const channel = Math.floor(at / outPlane) % (groups * outputs);
    to[at] = activate(sum + (has_bias ? (shift[channel] ?? 0) : 0), activation);
  }
};
