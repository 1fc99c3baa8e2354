// Reference of nn/pack-conv-weights: goes over the model's weights and says where each one belongs.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";

export const packConvWeightsReference: KernelReference = (params, [source, target]) => {
  const { count = 0, outputs = 1, inputs = 1, blocks = 1, tile = 1 } = params;
  const { k_a = 1, k_b = 1, k_c = 1, w_a = 0, w_b = 0, w_c = 0 } = params;
  const [from, to] = [asF32(source), asF32(target)];
  const taps = k_a * k_b * k_c;
  const groups = count / (blocks * tile * inputs * taps);
  to.fill(0);
  for (let channel = 0; channel < groups * outputs; channel++) {
    const [group, output] = [Math.floor(channel / outputs), channel % outputs];
    const block = group * blocks + Math.floor(output / tile);
    for (let input = 0; input < inputs; input++) {
      for (let c = 0; c < k_c; c++) {
        for (let b = 0; b < k_b; b++) {
          for (let a = 0; a < k_a; a++) {
            const tap = ((block * inputs + input) * k_c + c) * k_b * k_a + b * k_a + a;
            to[tap * tile + (output % tile)] =
              from[(channel * inputs + input) * taps + a * w_a + b * w_b + c * w_c] ?? 0;
          }
        }
      }
    }
  }
};
