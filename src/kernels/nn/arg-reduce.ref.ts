// Reference of nn/arg-reduce.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";

export const argReduceReference: KernelReference = (params, [x, y]) => {
  if (!y) return;
  const { outer = 0, axis = 0, inner = 0, select_last = 0, op = 0 } = params;
  const from = asF32(x);
  const to = new Int32Array(y.buffer, y.byteOffset, y.length / 4);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const row = Array.from({ length: axis }, (_, k) => from[(o * axis + k) * inner + i] ?? 0);
      const best = row.reduce((a, b) => (op === 0 ? Math.max(a, b) : Math.min(a, b)));
      to[o * inner + i] = select_last ? row.lastIndexOf(best) : row.indexOf(best);
    }
  }
};
