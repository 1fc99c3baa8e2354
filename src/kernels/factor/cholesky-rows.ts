// Room factor/cholesky-rows: the rows of a Cholesky factor right of a factored block.
import choleskyRowsWgsl from "../../../shaders/factor/cholesky-rows.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkFactorBlock, type FactorBlock } from "./cholesky-block.ts";

const defaults = { wg: 64 };

export const choleskyRowsSpec: KernelSpec = {
  id: "factor/cholesky-rows",
  params: [
    ["size", "u32"],
    ["at", "u32"],
    ["rows", "u32"],
  ],
  bindings: [
    { name: "y", access: "read" },
    { name: "u", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: choleskyRowsWgsl }],
  tolerance: { relative: 1e-4, floor: 1 },
};

/**
 * Buffers: y, f32 [rows, size - at] (any 16 bytes at 0), the product of what lies above; u, f32 [size, size].
 * @throws UnsupportedError for a matrix of 2^31 elements or more
 */
export function choleskyRowsCall(block: FactorBlock): KernelCall {
  checkFactorBlock(block);
  const { size, at, rows } = block;
  const columns = size - at - rows;
  return {
    kernel: choleskyRowsSpec.id,
    variant: "portable",
    overrides: defaults,
    params: { size, at, rows },
    workgroups: Math.ceil(columns / 4 / defaults.wg),
    cost: { bytes: 12 * rows * columns, ops: rows ** 2 * columns },
  };
}
