// Draws weights: normal, rows (output channels) of unlike size as training leaves them, scaled by the fan-in and by
// the variance of what the weights will meet; and says what comes out.
import type { Random } from "../../src/base/random.ts";
import type { Value } from "./graph-builder.ts";
import { averageOf, lazy, type Moments } from "./moments.ts";
import { convolve, mapSample, momentsOf, type Geometry, type Sample } from "./sample.ts";

const spread = 0.2;

/** Row after row, of mean square `deviation`² on average. */
export function drawRows(random: Random, rows: number, inner: number, deviation: number): Float32Array {
  const values = new Float32Array(rows * inner);
  for (let row = 0, at = 0; row < rows; row++) {
    const size = deviation * Math.exp(random.normal(-spread * spread, spread));
    for (let column = 0; column < inner; column++, at++) values[at] = random.normal(0, size);
  }
  return values;
}

export interface Drawn {
  /** [rows, ...] */
  readonly values: Float32Array;
  /** Of the products, without bias. */
  readonly moments: Moments;
  readonly sample?: Sample;
}

/** A [out, in] matrix for products with `x`, whose results have about the standard deviation `gain`. */
export function drawMatrix(random: Random, x: Value, out: number, gain: number): () => Drawn {
  return lazy(() => {
    const geometry = { kernel: 1, stride: 1, padding: 0, dilation: 1, groups: 1 };
    if (x.sample) return drawConvolution(random, x.sample(), out, geometry, gain);
    return drawKernels(random, x, out, { inner: x.width, groups: 1, gain });
  });
}

/** A [out, in / groups, kernel, kernel] tensor, fitted to the sample. */
export const drawConvolution = (random: Random, x: Sample, out: number, geometry: Geometry, gain: number): Drawn =>
  fitted(x, drawRows(random, out, (x.channels / geometry.groups) * geometry.kernel ** 2, 1), out, geometry, gain);

/** Weights scaled until the sample's products have the gain as standard deviation, see `divisorOf`. */
function fitted(x: Sample, rows: Float32Array, out: number, geometry: Geometry, gain: number): Drawn {
  const raw = convolve(x, rows, out, geometry);
  const before = momentsOf(raw);
  const factor = gain / divisorOf(before, raw.height * raw.width);
  return {
    values: rows.map((value) => value * factor),
    moments: {
      mean: before.mean.map((mean) => mean * factor),
      variance: before.variance.map((variance) => variance * factor * factor),
    },
    sample: mapSample(raw, (value) => value * factor),
  };
}

/**
 * The size of products. Means over space hardly differ between a few pictures, so their variance alone would blow up
 * what little they differ; there the size of the mean counts too, elsewhere a share of it.
 */
export function divisorOf({ mean, variance }: Moments, places: number): number {
  const share = places === 1 ? 1 : 0.1;
  return Math.sqrt(averageOf(variance) + share * averageOf(mean.map((m) => m * m)));
}

export interface Kernels {
  /** Weights of a row. */
  readonly inner: number;
  readonly groups: number;
  readonly gain: number;
}

/** By estimates alone: inputs count as independent. */
export function drawKernels(random: Random, x: Value, out: number, { inner, groups, gain }: Kernels): Drawn {
  const before = x.moments();
  const values = drawRows(random, out, inner, gain / Math.sqrt(inner * averageOf(before.variance)));
  const moments = { mean: new Float64Array(out), variance: new Float64Array(out) };
  const channels = x.width / groups;
  for (let row = 0, at = 0; row < out; row++) {
    const first = Math.floor((row * groups) / out) * channels;
    let [mean, variance] = [0, 0];
    for (let column = 0; column < inner; column++, at++) {
      const channel = first + Math.floor((column * channels) / inner);
      const weight = values[at] ?? 0;
      mean += weight * (before.mean[channel] ?? 0);
      variance += weight * weight * (before.variance[channel] ?? 1);
    }
    moments.mean[row] = mean;
    moments.variance[row] = variance;
  }
  return { values, moments };
}

/** A bias that takes off the mean of every channel, but for some noise; and what is left. */
export function drawBias(random: Random, drawn: () => Drawn, gain: number): () => Drawn {
  return lazy(() => {
    const { moments, sample } = drawn();
    const values = Float32Array.from(moments.mean, (center) => random.normal(-center, 0.1 * gain));
    const mean = moments.mean.map((center, row) => center + (values[row] ?? 0));
    return { values, moments: { mean, variance: moments.variance }, ...(sample && { sample }) };
  });
}

/** [rows, columns] to [columns, rows]. */
export function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return result;
}
