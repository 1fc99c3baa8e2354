// Mean and variance of every channel of a value, as far as they are known while a graph is built. Weights are drawn to
// suit them and biases take off the means. In convolutional networks they are measured (sample.ts); elsewhere estimated:
// norms keep the estimates honest, and what enters an activation function counts as normal.

export interface Moments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Made on first use, then kept: a graph that is only counted needs none. */
export function lazy<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** The same for all channels. */
export const even = (width: number, mean: number, variance: number): (() => Moments) =>
  lazy(() => ({ mean: new Float64Array(width).fill(mean), variance: new Float64Array(width).fill(variance) }));

export const unit = (width: number): (() => Moments) => even(width, 0, 1);

const grid = Array.from({ length: 81 }, (_, index) => {
  const x = (index - 40) / 10;
  return { x, weight: Math.exp((-x * x) / 2) };
});
const total = grid.reduce((sum, { weight }) => sum + weight, 0);

/** Of f(x) for normal x. */
export function through(f: (x: number) => number, { mean, variance }: Moments): Moments {
  const result = { mean: new Float64Array(mean.length), variance: new Float64Array(mean.length) };
  for (const [channel, center] of mean.entries()) {
    const deviation = Math.sqrt(variance[channel] ?? 1);
    let [first, second] = [0, 0];
    for (const { x, weight } of grid) {
      const y = f(center + deviation * x);
      first += (weight / total) * y;
      second += (weight / total) * y * y;
    }
    result.mean[channel] = first;
    result.variance[channel] = Math.max(second - first * first, 1e-6);
  }
  return result;
}

export const sumOf = (a: Moments, b: Moments): Moments => ({
  mean: a.mean.map((mean, channel) => mean + (b.mean[channel] ?? 0)),
  variance: a.variance.map((variance, channel) => variance + (b.variance[channel] ?? 0)),
});

/** Of independent factors. */
export const productOf = (a: Moments, b: Moments): Moments => ({
  mean: a.mean.map((mean, channel) => mean * (b.mean[channel] ?? 0)),
  variance: a.variance.map((variance, channel) => {
    const [m, n, w] = [a.mean[channel] ?? 0, b.mean[channel] ?? 0, b.variance[channel] ?? 0];
    return variance * w + variance * n * n + w * m * m;
  }),
});

export function averageOf(values: Float64Array | Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
