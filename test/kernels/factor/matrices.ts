// Symmetric positive definite matrices and their factors in doubles, for the rooms of factor and gptq.
import { weights } from "../quantize/float-fixtures.ts";

/** X^T X of made-up inputs with correlated channels, plus a share of the mean on the diagonal. */
export function secondMoments(size: number, seed: number, damping = 0.05): Float64Array {
  const rows = 2 * size;
  const x = weights(rows * size, seed);
  for (let r = 0; r < rows; r++) {
    for (let c = 1; c < size; c++) x[r * size + c] = (x[r * size + c] ?? 0) + 0.6 * (x[r * size + c - 1] ?? 0);
  }
  const h = new Float64Array(size * size);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < size; i++) {
      const left = x[r * size + i] ?? 0;
      for (let j = 0; j < size; j++) h[i * size + j] = (h[i * size + j] ?? 0) + left * (x[r * size + j] ?? 0);
    }
  }
  let mean = 0;
  for (let i = 0; i < size; i++) mean += (h[i * size + i] ?? 0) / size;
  return h.map((value, at) => value / mean + (at % (size + 1) === 0 ? damping : 0));
}

/** U with A = U^T U, upper triangular; below the diagonal 0. */
export function upperFactor(a: Float64Array, size: number): Float64Array {
  const u = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = i; j < size; j++) {
      let rest = a[i * size + j] ?? 0;
      for (let k = 0; k < i; k++) rest -= (u[k * size + i] ?? 0) * (u[k * size + j] ?? 0);
      u[i * size + j] = i === j ? Math.sqrt(rest) : rest / (u[i * size + i] ?? 1);
    }
  }
  return u;
}

/** The rows and columns of a matrix in reverse. */
export const turned = (a: Float64Array): Float64Array => a.toReversed();
