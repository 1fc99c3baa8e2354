// Reference of nn/max-pool-indices.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { tapsAt } from "./conv.ref.ts";

export const maxPoolIndicesReference: KernelReference = (params, [x, y]) => {
  if (!y) return;
  const { planes = 0, in_a = 1, in_b = 1, in_c = 1, x_a = 0, x_b = 0, x_c = 0 } = params;
  const { out_a = 1, out_b = 1, out_c = 1, y_a = 0, y_b = 0, y_c = 0 } = params;
  const { index_a = 0, index_b = 0, index_c = 0 } = params;
  const from = asF32(x);
  const to = new Int32Array(y.buffer, y.byteOffset, y.length / 4);
  for (let plane = 0; plane < planes; plane++) {
    const base = plane * in_a * in_b * in_c;
    for (let place = 0; place < out_a * out_b * out_c; place++) {
      const [a, b, c] = [place % out_a, Math.floor(place / out_a) % out_b, Math.floor(place / (out_a * out_b))];
      const window = tapsAt(params, "c", c).flatMap((tc) =>
        tapsAt(params, "b", b).flatMap((tb) =>
          tapsAt(params, "a", a).map((ta) => ({
            at: base + ta.at * x_a + tb.at * x_b + tc.at * x_c,
            index: base + ta.at * index_a + tb.at * index_b + tc.at * index_c,
          })),
        ),
      );
      // In the order of the input, which is the kernel's too.
      window.sort((one, other) => one.at - other.at);
      const values = window.map(({ at }) => from[at] ?? 0);
      const best = values.indexOf(values.reduce((all, v) => Math.max(all, v), -Infinity));
      to[plane * out_a * out_b * out_c + a * y_a + b * y_b + c * y_c] = window[best]?.index ?? -1;
    }
  }
};
