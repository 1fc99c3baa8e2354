// Cases of both rooms of a factor: blocks at the start, in the middle and at the end.
import { bytesOf } from "../quantize/float-fixtures.ts";
import { secondMoments, upperFactor } from "./matrices.ts";

export interface FactorCase {
  readonly size: number;
  readonly at: number;
  readonly rows: number;
}

export const blocks: readonly FactorCase[] = [
  { size: 4, at: 0, rows: 4 },
  { size: 20, at: 0, rows: 8 },
  { size: 36, at: 12, rows: 16 },
  { size: 48, at: 32, rows: 16 },
  { size: 140, at: 8, rows: 128 },
];

/** The matrix with its factor's rows up to a row, and what they take off the rows of a block. */
export function before({ size, at, rows }: FactorCase, done: number): { y: Uint8Array; u: Float32Array } {
  const a = secondMoments(size, size + at);
  const u = upperFactor(a, size);
  const taken = new Float32Array(Math.max(4, rows * (size - at)));
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < size - at; col++) {
      let sum = 0;
      for (let k = 0; k < at; k++) sum += (u[k * size + at + row] ?? 0) * (u[k * size + at + col] ?? 0);
      taken[row * (size - at) + col] = sum;
    }
  }
  const mixed = Float32Array.from(a, (value, index) => {
    const [row, col] = [Math.floor(index / size), index % size];
    return row < at || (row < at + rows && col < at + done) ? (u[index] ?? 0) : value;
  });
  return { y: bytesOf(taken), u: mixed };
}
