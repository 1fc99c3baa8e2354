// Reference of nn/softmax in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { softmaxOps } from "./softmax.ts";

export const softmaxReference: KernelReference = ({ outer = 0, axis = 0, inner = 0, op = 0 }, [x, y]) => {
  const [from, to] = [asF32(x), asF32(y)];
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const places = Array.from({ length: axis }, (_, k) => (o * axis + k) * inner + i);
      const values = places.map((at) => from[at] ?? 0);
      const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
      const sum = values.reduce((all, v) => all + Math.exp(v - high), 0);
      for (const [k, at] of places.entries()) {
        const v = values[k] ?? 0;
        if (softmaxOps[op] === "hardmax") to[at] = Number(k === values.indexOf(high));
        else if (softmaxOps[op] === "logSoftmax") to[at] = v - high - Math.log(sum);
        else to[at] = Math.exp(v - high) / sum;
      }
    }
  }
};
