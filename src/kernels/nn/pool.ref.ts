// Reference of nn/pool: gathers each window's elements, then folds them in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { tapsAt } from "./conv.ref.ts";
import { poolOps } from "./pool.ts";

/** Taps along an axis that meet the input or its padding. */
function padded(params: Readonly<Record<string, number>>, axis: "a" | "b" | "c", output: number): number {
  const of = (name: string): number => params[`${name}_${axis}`] ?? 0;
  const places = Array.from({ length: of("k") }, (_, tap) => output * of("stride") + tap * of("dilation"));
  return places.filter((place) => place < of("limit")).length;
}

export const poolReference: KernelReference = (params, [x, y]) => {
  const { planes = 0, op = 0, p = 2, in_a = 1, in_b = 1, in_c = 1, x_a = 0, x_b = 0, x_c = 0 } = params;
  const { out_a = 1, out_b = 1, out_c = 1, y_a = 0, y_b = 0, y_c = 0 } = params;
  const [from, to] = [asF32(x), asF32(y)];
  for (let plane = 0; plane < planes; plane++) {
    const [base, target] = [plane * in_a * in_b * in_c, plane * out_a * out_b * out_c];
    for (let place = 0; place < out_a * out_b * out_c; place++) {
      const [a, b, c] = [place % out_a, Math.floor(place / out_a) % out_b, Math.floor(place / (out_a * out_b))];
      const window = tapsAt(params, "c", c).flatMap((tc) =>
        tapsAt(params, "b", b).flatMap((tb) =>
          tapsAt(params, "a", a).map((ta) => from[base + ta.at * x_a + tb.at * x_b + tc.at * x_c] ?? 0),
        ),
      );
      const sum = window.reduce((all, v) => all + v, 0);
      const counted = padded(params, "a", a) * padded(params, "b", b) * padded(params, "c", c);
      const at = target + a * y_a + b * y_b + c * y_c;
      if (poolOps[op] === "max") to[at] = window.reduce((all, v) => Math.max(all, v), -Infinity);
      else if (poolOps[op] === "average") to[at] = sum / window.length;
      else if (poolOps[op] === "averageWithPadding") to[at] = sum / counted;
      else to[at] = window.reduce((all, v) => all + Math.abs(v) ** p, 0) ** (1 / p);
    }
  }
};
