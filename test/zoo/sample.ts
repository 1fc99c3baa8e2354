// A few pictures carried through a convolutional network while it is built, in plain loops: its statistics set weights'
// sizes, biases and batch norms, so that a net of any depth answers as a trained one does, neither saturated nor dead.
import { averageOf, type Moments } from "./moments.ts";

/** [batch, channels, height, width] */
export interface Sample {
  readonly data: Float32Array;
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export interface Geometry {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
}

const empty = (like: Sample, channels: number, height: number, width: number): Sample => ({
  data: new Float32Array(like.batch * channels * height * width),
  batch: like.batch,
  channels,
  height,
  width,
});

/** Mean and variance of every channel; the variances drawn towards their average, since a sample is small. */
export function momentsOf({ data, batch, channels, height, width }: Sample): Moments {
  const [area, count] = [height * width, batch * height * width];
  const [mean, variance] = [new Float64Array(channels), new Float64Array(channels)];
  for (let channel = 0; channel < channels; channel++) {
    let [sum, square] = [0, 0];
    for (let image = 0; image < batch; image++) {
      const start = (image * channels + channel) * area;
      for (let at = start; at < start + area; at++) {
        const value = data[at] ?? 0;
        sum += value;
        square += value * value;
      }
    }
    mean[channel] = sum / count;
    variance[channel] = Math.max((square - (sum * sum) / count) / count, 0);
  }
  const average = averageOf(variance);
  return { mean, variance: variance.map((v) => Math.max((v + average) / 2, 1e-6)) };
}

export const mapSample = (x: Sample, f: (value: number) => number): Sample => ({ ...x, data: x.data.map(f) });

/** Every channel times a factor, then a shift. */
export function affine(x: Sample, factor: (channel: number) => number, shift: (channel: number) => number): Sample {
  const area = x.height * x.width;
  const data = new Float32Array(x.data.length);
  for (let start = 0; start < data.length; start += area) {
    const channel = (start / area) % x.channels;
    const [scale, offset] = [factor(channel), shift(channel)];
    for (let at = start; at < start + area; at++) data[at] = (x.data[at] ?? 0) * scale + offset;
  }
  return { ...x, data };
}

/** Element by element; `y` may be one value a channel. */
export function combine(x: Sample, y: Sample, f: (a: number, b: number) => number): Sample {
  const spread = x.data.length / y.data.length;
  return { ...x, data: x.data.map((value, at) => f(value, y.data[Math.floor(at / spread)] ?? 0)) };
}

/** The given channels of several samples side by side, in this order. */
export function pick(parts: readonly Sample[], order?: readonly number[]): Sample {
  const [first] = parts;
  if (!first) throw new Error("No parts to put side by side.");
  const places = parts.flatMap((part) => Array.from({ length: part.channels }, (_, channel) => ({ part, channel })));
  const chosen = order ? order.flatMap((index) => places[index] ?? []) : places;
  const area = first.height * first.width;
  const result = empty(first, chosen.length, first.height, first.width);
  for (let image = 0; image < first.batch; image++) {
    for (const [index, { part, channel }] of chosen.entries()) {
      const start = (image * part.channels + channel) * area;
      result.data.set(part.data.subarray(start, start + area), (image * chosen.length + index) * area);
    }
  }
  return result;
}

export function convolve(x: Sample, weights: Float32Array, out: number, geometry: Geometry): Sample {
  const { kernel, stride, padding, dilation, groups } = geometry;
  if (kernel === 1 && stride === 1 && padding === 0 && x.height > 1) {
    const flat = convolve({ ...x, height: 1, width: x.height * x.width }, weights, out, geometry);
    return { ...flat, height: x.height, width: x.width };
  }
  const sideOf = (side: number): number => Math.floor((side + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
  const result = empty(x, out, sideOf(x.height), sideOf(x.width));
  const channels = x.channels / groups;
  const area = result.height * result.width;
  const places = channels * kernel * kernel;
  for (let image = 0; image < x.batch; image++) {
    for (let row = 0; row < out; row++) {
      const first = Math.floor((row * groups) / out) * channels;
      const target = result.data.subarray((image * out + row) * area, (image * out + row + 1) * area);
      for (let place = 0; place < places; place++) {
        const channel = first + Math.floor(place / (kernel * kernel));
        const down = Math.floor((place % (kernel * kernel)) / kernel) * dilation - padding;
        const right = (place % kernel) * dilation - padding;
        const source = (image * x.channels + channel) * x.height * x.width;
        accumulate(x, source, weights[row * places + place] ?? 0, down, right, stride, target, result.width);
      }
    }
  }
  return result;
}

/** Adds a weight times a shifted map to another. Plain numbers: this is the innermost loop of a build. */
function accumulate(
  { data, height, width }: Sample,
  source: number,
  weight: number,
  down: number,
  right: number,
  stride: number,
  target: Float32Array,
  targetWidth: number,
): void {
  const first = Math.max(0, Math.ceil(-right / stride));
  const last = Math.min(targetWidth - 1, Math.floor((width - 1 - right) / stride));
  for (let end = 0, from = down; end < target.length; end += targetWidth, from += stride) {
    if (from < 0 || from >= height) continue;
    let at = source + from * width + right + first * stride;
    for (let to = end + first; to <= end + last; to++, at += stride) {
      target[to] = (target[to] ?? 0) + weight * (data[at] ?? 0);
    }
  }
}

/** Stride and kernel 2; [in, out, 2, 2] weights. */
export function doubleByWeights(x: Sample, weights: Float32Array, out: number): Sample {
  const result = empty(x, out, 2 * x.height, 2 * x.width);
  for (const [at, value] of x.data.entries()) {
    const column = at % x.width;
    const row = Math.floor(at / x.width) % x.height;
    const channel = Math.floor(at / (x.width * x.height)) % x.channels;
    const image = Math.floor(at / (x.width * x.height * x.channels));
    for (let place = 0; place < out * 4; place++) {
      const target = (image * out + (place >> 2)) * result.height + 2 * row + ((place >> 1) & 1);
      const index = target * result.width + 2 * column + (place & 1);
      result.data[index] = (result.data[index] ?? 0) + value * (weights[channel * out * 4 + place] ?? 0);
    }
  }
  return result;
}

/** Twice the size by repetition: near enough to interpolation for statistics. */
export function doubleByRepeating(x: Sample): Sample {
  const result = empty(x, x.channels, 2 * x.height, 2 * x.width);
  for (const at of result.data.keys()) {
    const row = Math.floor(at / result.width);
    result.data[at] = x.data[Math.floor(row / 2) * x.width + Math.floor((at % result.width) / 2)] ?? 0;
  }
  return result;
}

export interface Pooling {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly ceil: boolean;
}

/** The largest, or the mean, of windows cut off at the edges. */
export function pool(x: Sample, { kernel, stride, padding, ceil }: Pooling, kind: "max" | "mean"): Sample {
  const round = ceil ? Math.ceil : Math.floor;
  const sideOf = (side: number): number => round((side + 2 * padding - kernel) / stride) + 1;
  const result = empty(x, x.channels, sideOf(x.height), sideOf(x.width));
  for (const at of result.data.keys()) {
    const left = (at % result.width) * stride - padding;
    const top = (Math.floor(at / result.width) % result.height) * stride - padding;
    const plane = Math.floor(at / (result.width * result.height)) * x.height;
    let [largest, sum, count] = [-Infinity, 0, 0];
    for (let row = Math.max(top, 0); row < Math.min(top + kernel, x.height); row++) {
      for (let column = Math.max(left, 0); column < Math.min(left + kernel, x.width); column++) {
        const value = x.data[(plane + row) * x.width + column] ?? 0;
        largest = Math.max(largest, value);
        sum += value;
        count++;
      }
    }
    result.data[at] = count === 0 ? 0 : kind === "max" ? largest : sum / count;
  }
  return result;
}

/** One value a channel: the mean over space. */
export const poolAll = (x: Sample): Sample => {
  const area = x.height * x.width;
  const result = empty(x, x.channels, 1, 1);
  for (const at of result.data.keys()) result.data[at] = averageOf(x.data.subarray(at * area, (at + 1) * area));
  return result;
};

/** Every place a channel of its own. */
export const flattened = (x: Sample): Sample => ({
  ...x,
  channels: x.channels * x.height * x.width,
  height: 1,
  width: 1,
});
