// The Cholesky factor of a symmetric matrix as steps of a work unit: blocks of rows from the top; what the rows above
// take off a block is one matrix product, on copies since a product reads its operands from their first element on.
import type { DeviceProfile } from "../../base/profile.ts";
import { choleskyBlockCall, choleskyRows } from "../../kernels/factor/cholesky-block.ts";
import { choleskyRowsCall } from "../../kernels/factor/cholesky-rows.ts";
import { batchedMatmulCall } from "../../kernels/matmul/batched.ts";
import { stridedCopyCall } from "../../kernels/nn/strided-copy.ts";
import type { Step } from "../../plan/types.ts";
import type { StepsPiece } from "../quantize/group-steps.ts";

/** Pivots must be above this share of the mean of the diagonal, which is 1: f32 tells no less apart. */
const pivotFloor = 2 ** -20;

/**
 * Replaces the upper triangle of a matrix by U with A = U^T U.
 * @param matrix buffer of f32 [line, line], scaled to a mean of 1 on the diagonal; line divisible by 4
 * @param bad buffer of a u32, 0 before, that counts pivots which are not positive
 */
export function factorSteps(profile: DeviceProfile, line: number, matrix: string, bad: string): Partial<StepsPiece> {
  const [above, left, product, nothing] = ["factor.above", "factor.left", "factor.product", "factor.nothing"];
  const steps: Step[] = [];
  let [largestAbove, largestLeft, largestProduct] = [16, 16, 16];
  for (let at = 0; at < line; at += choleskyRows) {
    const rows = Math.min(choleskyRows, line - at);
    const columns = line - at;
    if (at > 0) {
      const shape = { m: rows, n: columns, k: at, transA: true };
      const start = { start: at, strides: [line, 1] };
      const copies = [
        { to: above, cols: columns },
        { to: left, cols: rows },
      ];
      for (const { to, cols } of copies) {
        const call = stridedCopyCall([at, cols], start, { start: 0, strides: [cols, 1] });
        steps.push({ call, bindings: [matrix, to] });
      }
      steps.push({ call: batchedMatmulCall(shape, profile), bindings: [left, above, nothing, product] });
      largestAbove = Math.max(largestAbove, 4 * at * columns);
      largestLeft = Math.max(largestLeft, 4 * at * rows);
      largestProduct = Math.max(largestProduct, 4 * rows * columns);
    }
    const block = { size: line, at, rows };
    steps.push({ call: choleskyBlockCall(block, pivotFloor), bindings: [product, matrix, bad] });
    if (columns > rows) steps.push({ call: choleskyRowsCall(block), bindings: [product, matrix] });
  }
  const buffers = { [product]: largestProduct, ...(line > choleskyRows ? { [nothing]: 16 } : {}) };
  if (line <= choleskyRows) return { buffers, steps };
  return { buffers: { ...buffers, [above]: largestAbove, [left]: largestLeft }, steps };
}
