// Reference of quantize/int3-block: exact quotients by the affine rule's rounding; a quarter of an f32 is exact.
import type { KernelReference } from "../kernel.ts";
import { roundQuotient } from "./affine-rule.ts";
import { asF32, countedValue, putCode } from "./shape.ts";

export const int3BlockReference: KernelReference = (params, [sourceBytes, codes, scaleBytes]) => {
  if (!codes) return;
  const { rows = 0, cols = 0, block = 32, blocks = 0 } = params;
  const [source, scales] = [asF32(sourceBytes), asF32(scaleBytes)];
  codes.fill(0, 0, (rows * blocks * block * 3) / 8);
  for (let group = 0; group < rows * blocks; group++) {
    const start = (group % blocks) * block;
    const first = Math.floor(group / blocks) * cols + start;
    const values = Array.from(source.subarray(first, first + Math.min(block, cols - start)), countedValue);
    const extreme = values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
    const exact = Math.max(-(2 ** 100), Math.min(2 ** 100, extreme)) / -4;
    const scale = Math.abs(exact) < 2 ** -120 ? 1 : exact;
    scales[group] = scale;
    for (let i = 0; i < block; i++) {
      const code = i < values.length ? roundQuotient(values[i] ?? 0, scale, "half-even") + 4 : 4;
      putCode(codes, group * block + i, 3, Math.max(0, Math.min(7, code)));
    }
  }
};
