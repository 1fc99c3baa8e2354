// Reference of factor/cholesky-rows: forward substitution, column by column, in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";

export const choleskyRowsReference: KernelReference = (params, [product, matrix]) => {
  const { size = 0, at = 0, rows = 0 } = params;
  const [y, u] = [asF32(product), asF32(matrix)];
  const index = (row: number, col: number): number => (at + row) * size + at + col;
  for (let col = rows; col < size - at; col++) {
    const solved: number[] = [];
    for (let row = 0; row < rows; row++) {
      let rest = (u[index(row, col)] ?? 0) - (at > 0 ? (y[row * (size - at) + col] ?? 0) : 0);
      for (const [k, value] of solved.entries()) rest -= (u[index(k, row)] ?? 0) * value;
      solved.push(rest / (u[index(row, row)] ?? 1));
    }
    for (const [row, value] of solved.entries()) u[index(row, col)] = value;
  }
};
