// Room factor/cholesky-block: one block on the diagonal of a Cholesky factor.
import { InternalError, UnsupportedError } from "../../base/errors.ts";
import choleskyBlockWgsl from "../../../shaders/factor/cholesky-block.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 32 };

/** Most rows of a block. */
export const choleskyRows = 4 * defaults.wg;

export const choleskyBlockSpec: KernelSpec = {
  id: "factor/cholesky-block",
  params: [
    ["size", "u32"],
    ["at", "u32"],
    ["rows", "u32"],
    ["floor", "f32"],
  ],
  bindings: [
    { name: "y", access: "read" },
    { name: "u", access: "read_write" },
    { name: "bad", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: choleskyBlockWgsl }],
  tolerance: { relative: 1e-4, floor: 1 },
};

export interface FactorBlock {
  /** Rows and columns of the matrix, padded to a multiple of 4. */
  readonly size: number;
  /** First row of the block; a multiple of 4. */
  readonly at: number;
  /** Rows of the block: a multiple of 4, at most `choleskyRows`. */
  readonly rows: number;
}

/** @throws UnsupportedError for a matrix of 2^31 elements or more; InternalError for a block of odd sizes */
export function checkFactorBlock({ size, at, rows }: FactorBlock): void {
  if ([size, at, rows].some((value) => value % 4 !== 0) || rows > choleskyRows || at + rows > size) {
    throw new InternalError(`Rows ${at} to ${at + rows} of a matrix of ${size} are no block of a factor.`);
  }
  if (size ** 2 < 2 ** 31) return;
  throw new UnsupportedError(`A matrix of ${size} x ${size} is too large to be factored.`, { details: { size } });
}

/**
 * Buffers: y, f32 [rows, size - at] (any 16 bytes at 0), the product of what lies above; u, f32 [size, size]; bad, u32.
 * @param floor what pivots must be above
 * @throws UnsupportedError for a matrix of 2^31 elements or more
 */
export function choleskyBlockCall(block: FactorBlock, floor: number): KernelCall {
  checkFactorBlock(block);
  const { size, at, rows } = block;
  return {
    kernel: choleskyBlockSpec.id,
    variant: "portable",
    overrides: defaults,
    params: { size, at, rows, floor },
    workgroups: 1,
    cost: { bytes: 8 * rows ** 2, ops: rows ** 3 / 3 },
  };
}
