// The error that a layer's outputs see, as steps of a work unit: tr(D H D^T) of what quantizing has changed in a
// weight, H being the second moments of its inputs.
import type { DeviceProfile } from "../../base/profile.ts";
import { batchedMatmulCall } from "../../kernels/matmul/batched.ts";
import { binaryCall } from "../../kernels/nn/binary.ts";
import { reduceCall } from "../../kernels/nn/reduce.ts";
import type { StepsPiece } from "../quantize/group-steps.ts";
import type { MatrixView } from "./gptq-steps.ts";

/** Sums to add up on the host, f32. */
export interface ErrorSums {
  readonly piece: Partial<StepsPiece>;
  readonly buffer: string;
  readonly bytes: number;
}

/**
 * @param hessian buffer of f32 [k, k]
 * @param prefix keeps the sums of several measurements apart; scratch is shared
 */
export function weightedErrorSteps(
  profile: DeviceProfile,
  { n, k, weight }: MatrixView,
  names: { readonly before: string; readonly after: string; readonly hessian: string },
  prefix: string,
): ErrorSums {
  const [change, product, terms, nothing] = ["error.change", "error.product", "error.terms", "error.nothing"];
  const sums = `${prefix}sums`;
  const rowMajor = weight.col === 1;
  const [rows, cols] = rowMajor ? [n, k] : [k, n];
  const dims = [rows, cols];
  const elementwise = { a: dims, b: dims, y: dims };
  const bytes = 4 * rows * cols;
  const operands = rowMajor ? [change, names.hessian] : [names.hessian, change];
  return {
    piece: {
      buffers: { [change]: bytes, [product]: bytes, [terms]: bytes, [nothing]: 16, [sums]: 4 * cols },
      steps: [
        { call: binaryCall("sub", elementwise), bindings: [names.before, names.after, change] },
        {
          call: batchedMatmulCall({ m: rows, n: cols, k }, profile),
          bindings: [...operands, nothing, product],
        },
        { call: binaryCall("mul", elementwise), bindings: [change, product, terms] },
        { call: reduceCall({ outer: 1, axis: rows, inner: cols }, "sum"), bindings: [terms, sums] },
      ],
    },
    buffer: sums,
    bytes: 4 * cols,
  };
}
