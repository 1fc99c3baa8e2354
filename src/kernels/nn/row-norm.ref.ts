// Reference of nn/row-norm in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";
import { rowNormKinds } from "./row-norm.ts";

const average = (values: readonly number[]): number => values.reduce((all, v) => all + v, 0) / values.length;

export const rowNormReference: KernelReference = (params, [x, scale, bias, y]) => {
  const { rows = 0, cols = 0, groups = 1, span = 1, has_scale = 0, has_bias = 0, epsilon = 0, op = 0 } = params;
  const [from, scales, shifts, to] = [asF32(x), asF32(scale), asF32(bias), asF32(y)];
  for (let row = 0; row < rows; row++) {
    const values = Array.from(from.subarray(row * cols, (row + 1) * cols));
    const mean = rowNormKinds[op] === "layer" ? average(values) : 0;
    const deviation = Math.sqrt(average(values.map((v) => (v - mean) ** 2)) + epsilon);
    for (const [c, value] of values.entries()) {
      const at = (row % groups) * (cols / span) + Math.floor(c / span);
      const scaled = ((value - mean) / deviation) * (has_scale ? (scales[at] ?? 0) : 1);
      to[row * cols + c] = scaled + (has_bias ? (shifts[at] ?? 0) : 0);
    }
  }
};
