// GPTQ as it is published, in doubles and on the host: the inverse of the damped second moments, its Cholesky factor,
// one channel after the other, the error of each spread over all that follow.
import { affineScale, affineZeroPoint, lowestCode, type AffineRule } from "../../src/kernels/quantize/affine-rule.ts";

export interface ReferenceLayer {
  readonly n: number;
  readonly k: number;
  /** [n, k]. */
  readonly weight: ArrayLike<number>;
  readonly gram: ArrayLike<number>;
}

export interface ReferenceOptions {
  readonly rule: AffineRule;
  readonly blockSize: number;
  readonly damping: number;
}

/** tr(D H D^T) of D = weight - quantized, both [n, k]. */
export function weightedError({ n, k, weight, gram }: ReferenceLayer, quantized: ArrayLike<number>): number {
  let sum = 0;
  const change = new Float64Array(k);
  for (let row = 0; row < n; row++) {
    for (let i = 0; i < k; i++) change[i] = (weight[row * k + i] ?? 0) - (quantized[row * k + i] ?? 0);
    for (let i = 0; i < k; i++) {
      let product = ((gram[i * k + i] ?? 0) * (change[i] ?? 0)) / 2;
      for (let j = 0; j < i; j++) product += (gram[i * k + j] ?? 0) * (change[j] ?? 0);
      sum += 2 * (change[i] ?? 0) * product;
    }
  }
  return sum;
}

/** The value nearest to x that a group's scale and zero point can stand for. */
function nearest(x: number, scale: number, zero: number, rule: AffineRule): number {
  const lowest = lowestCode(rule);
  const code = Math.max(lowest, Math.min(lowest + 2 ** rule.bits - 1, Math.round(x / scale) + zero));
  return (code - zero) * scale;
}

function grid(values: readonly number[], rule: AffineRule): { scale: number; zero: number } {
  const [low, high] = [Math.fround(Math.min(0, ...values)), Math.fround(Math.max(0, ...values))];
  const scale = affineScale(low, high, rule);
  return { scale, zero: affineZeroPoint(low, scale, rule) };
}

/** Upper factor U of the inverse of a matrix: A^-1 = U^T U. */
function inverseFactor(a: Float64Array, k: number): Float64Array {
  const lower = cholesky(a, k);
  // The inverse of L by columns, then A^-1 = L^-T L^-1.
  const inverse = new Float64Array(k * k);
  for (let col = 0; col < k; col++) {
    for (let row = col; row < k; row++) {
      let rest = row === col ? 1 : 0;
      for (let i = col; i < row; i++) rest -= (lower[row * k + i] ?? 0) * (inverse[i * k + col] ?? 0);
      inverse[row * k + col] = rest / (lower[row * k + row] ?? 1);
    }
  }
  const whole = new Float64Array(k * k);
  for (let m = 0; m < k; m++) {
    for (let i = 0; i <= m; i++) {
      const left = inverse[m * k + i] ?? 0;
      for (let j = 0; j <= m; j++) whole[i * k + j] = (whole[i * k + j] ?? 0) + left * (inverse[m * k + j] ?? 0);
    }
  }
  const factor = cholesky(whole, k);
  return factor.map((_, at) => factor[(at % k) * k + Math.floor(at / k)] ?? 0);
}

function cholesky(a: Float64Array, k: number): Float64Array {
  const lower = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = a[i * k + j] ?? 0;
      for (let m = 0; m < j; m++) rest -= (lower[i * k + m] ?? 0) * (lower[j * k + m] ?? 0);
      lower[i * k + j] = i === j ? Math.sqrt(rest) : rest / (lower[j * k + j] ?? 1);
    }
  }
  return lower;
}

/** The quantized weight, [n, k]. */
export function referenceGptq(layer: ReferenceLayer, { rule, blockSize, damping }: ReferenceOptions): Float64Array {
  const { n, k, gram } = layer;
  let mean = 0;
  for (let i = 0; i < k; i++) mean += (gram[i * k + i] ?? 0) / k;
  const damped = Float64Array.from(gram, (value, at) => value + (at % (k + 1) === 0 ? damping * mean : 0));
  const u = inverseFactor(damped, k);
  const weight = Float64Array.from(layer.weight);
  const quantized = new Float64Array(n * k);
  for (let row = 0; row < n; row++) {
    const own = weight.subarray(row * k, (row + 1) * k);
    let group = { scale: 1, zero: 0 };
    for (let i = 0; i < k; i++) {
      if (i % blockSize === 0) group = grid(Array.from(own.subarray(i, i + blockSize)), rule);
      const value = nearest(own[i] ?? 0, group.scale, group.zero, rule);
      quantized[row * k + i] = value;
      const error = ((own[i] ?? 0) - value) / (u[i * k + i] ?? 1);
      for (let j = i; j < k; j++) own[j] = (own[j] ?? 0) - error * (u[i * k + j] ?? 0);
    }
  }
  return quantized;
}

/** Plain rounding by each group's range, [n, k]. */
export function referenceRounding(
  { n, k, weight }: ReferenceLayer,
  { rule, blockSize }: ReferenceOptions,
): Float64Array {
  const quantized = new Float64Array(n * k);
  for (let start = 0; start < n * k; start += 1) {
    const at = start % k;
    if (at % blockSize !== 0) continue;
    const values = Array.from({ length: Math.min(blockSize, k - at) }, (_, i) => weight[start + i] ?? 0);
    const { scale, zero } = grid(values, rule);
    for (const [i, value] of values.entries()) quantized[start + i] = nearest(value, scale, zero, rule);
  }
  return quantized;
}
