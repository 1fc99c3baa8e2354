// Reference of factor/cholesky-block: the textbook's rows in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32, asU32 } from "../quantize/shape.ts";

export const choleskyBlockReference: KernelReference = (params, [product, matrix, state]) => {
  const { size = 0, at = 0, rows = 0, floor = 0 } = params;
  const [y, u, bad] = [asF32(product), asF32(matrix), asU32(state)];
  const index = (row: number, col: number): number => (at + row) * size + at + col;
  const exact = new Float64Array(rows * rows);
  for (let row = 0; row < rows; row++) {
    for (let col = row; col < rows; col++) {
      let rest = (u[index(row, col)] ?? 0) - (at > 0 ? (y[row * (size - at) + col] ?? 0) : 0);
      for (let k = 0; k < row; k++) rest -= (exact[k * rows + row] ?? 0) * (exact[k * rows + col] ?? 0);
      if (col === row) {
        if (!(rest > floor && Number.isFinite(rest))) {
          rest = floor;
          bad[0] = (bad[0] ?? 0) + 1;
        }
        exact[row * rows + col] = Math.sqrt(rest);
      } else {
        exact[row * rows + col] = rest / (exact[row * rows + row] ?? 1);
      }
    }
  }
  for (let row = 0; row < rows; row++) {
    // Below the diagonal only the piece of four rows on it is set, to 0.
    for (let col = Math.floor(row / 4) * 4; col < rows; col++) {
      u[index(row, col)] = col < row ? 0 : (exact[row * rows + col] ?? 0);
    }
  }
};
