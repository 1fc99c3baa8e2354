// Second moments of a layer's inputs, made ready for GPTQ: damped, in the order in which channels are quantized, and
// turned round, so that the factor on the device is the ordinary Cholesky factor.
import { NonFiniteError, UsageError } from "../../base/errors.ts";

export interface HessianOptions {
  /** Share of the mean of the diagonal that is added to it. */
  readonly damping: number;
  /** Channels with the largest second moments first. */
  readonly actOrder: boolean;
}

export interface PreparedHessian {
  /** Channels, padded to a multiple of 4. */
  readonly line: number;
  /** J P H P^T J + damping, scaled to a mean of 1 on the diagonal; [line, line]. */
  readonly matrix: Float32Array;
  /** The channel at each place of the sweep. */
  readonly order: Uint32Array;
}

/**
 * The channels of a layer that are always 0 have nothing to say: their diagonal becomes the mean.
 * @param gram X^T X of the layer's inputs, [k, k]
 * @throws UsageError for a gram of another size, or of inputs that are all 0; NonFiniteError
 */
export function prepareHessian(gram: ArrayLike<number>, k: number, options: HessianOptions): PreparedHessian {
  const diagonal = diagonalOf(gram, k);
  const mean = diagonal.reduce((sum, value) => sum + value, 0) / k;
  if (!Number.isFinite(mean)) {
    throw new NonFiniteError("The second moments of a layer's inputs are not finite.", {
      hint: "Calibrate again with data that the model handles.",
    });
  }
  if (!(mean > 0)) {
    throw new UsageError("A layer's inputs were all 0 in calibration.", { hint: "Calibrate with other data." });
  }
  const order = Uint32Array.from({ length: k }, (_, i) => i);
  if (options.actOrder) order.sort((a, b) => (diagonal[b] ?? 0) - (diagonal[a] ?? 0) || a - b);
  const line = Math.ceil(k / 4) * 4;
  const matrix = new Float32Array(line * line);
  for (let row = 0; row < line; row++) {
    const r = order[line - 1 - row];
    for (let col = 0; col < line; col++) {
      const c = order[line - 1 - col];
      if (r === undefined || c === undefined) continue;
      matrix[row * line + col] = (gram[r * k + c] ?? 0) / mean;
    }
    const own = r === undefined ? 0 : (diagonal[r] ?? 0);
    matrix[row * line + row] = (own > 0 ? own / mean : 1) + options.damping;
  }
  return { line, matrix, order };
}

function diagonalOf(gram: ArrayLike<number>, k: number): Float64Array {
  if (gram.length !== k * k) {
    throw new UsageError(`Second moments of ${Math.sqrt(gram.length)} channels do not belong to a layer of ${k}.`, {
      hint: "Calibrate the model that is quantized.",
      details: { channels: k, elements: gram.length },
    });
  }
  return Float64Array.from({ length: k }, (_, i) => gram[i * k + i] ?? 0);
}
