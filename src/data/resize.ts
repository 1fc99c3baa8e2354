// Resizing pictures: bilinear with a filter as wide as the shrinking asks for, as Pillow and torchvision do it (with
// antialias), or the nearest pixel. Pixel centres lie at half steps. Sums are f64, nothing is rounded in between.
import { UsageError } from "../base/errors.ts";

/** Numbers row by row, channels innermost (HWC). */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: ArrayLike<number>;
}

export type ResizeFilter = "bilinear" | "nearest";

/** What one output position is made of: inputs from `start` on, with their weights. */
interface Tap {
  readonly start: number;
  readonly weights: readonly number[];
}

function taps(from: number, to: number, filter: ResizeFilter): readonly Tap[] {
  const scale = from / to;
  return Array.from({ length: to }, (_, index): Tap => {
    const center = (index + 0.5) * scale;
    if (filter === "nearest") return { start: Math.min(from - 1, Math.floor(center)), weights: [1] };
    const radius = Math.max(1, scale);
    const start = Math.max(0, Math.floor(center - radius + 0.5));
    const end = Math.min(from, Math.floor(center + radius + 0.5));
    const weights = Array.from({ length: end - start }, (_weight, tap) =>
      Math.max(0, 1 - Math.abs(start + tap + 0.5 - center) / radius),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { start, weights: weights.map((weight) => weight / sum) };
  });
}

/**
 * @throws UsageError for a size that is none
 * @example resize(picture, 224, 224)
 */
export function resize(picture: Picture, height: number, width: number, filter: ResizeFilter = "bilinear"): Picture {
  for (const size of [height, width]) {
    if (!Number.isInteger(size) || size < 1 || size > 2 ** 16)
      throw new UsageError(`${size} is not a size of a picture.`);
  }
  if (height === picture.height && width === picture.width) return picture;
  const { channels } = picture;
  const across = new Float64Array(picture.height * width * channels);
  for (const [x, { start, weights }] of taps(picture.width, width, filter).entries()) {
    for (let y = 0; y < picture.height; y++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let tap = 0; tap < weights.length; tap++) {
          sum += (weights[tap] ?? 0) * (picture.data[(y * picture.width + start + tap) * channels + channel] ?? 0);
        }
        across[(y * width + x) * channels + channel] = sum;
      }
    }
  }
  const row = width * channels;
  const data = new Float64Array(height * row);
  for (const [y, { start, weights }] of taps(picture.height, height, filter).entries()) {
    for (let at = 0; at < row; at++) {
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap++)
        sum += (weights[tap] ?? 0) * (across[(start + tap) * row + at] ?? 0);
      data[y * row + at] = sum;
    }
  }
  return { height, width, channels, data };
}

/** The middle part; half a pixel too far up and left where sizes are odd. @throws UsageError where it is larger */
export function centerCrop(picture: Picture, height: number, width: number): Picture {
  if (!(height > 0 && height <= picture.height && width > 0 && width <= picture.width)) {
    throw new UsageError(`${height} by ${width} can't be cut out of ${picture.height} by ${picture.width}.`);
  }
  if (height === picture.height && width === picture.width) return picture;
  const [top, left] = [Math.floor((picture.height - height) / 2), Math.floor((picture.width - width) / 2)];
  const { channels } = picture;
  const data = new Float64Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * picture.width + left) * channels;
    for (let at = 0; at < width * channels; at++) data[y * width * channels + at] = picture.data[from + at] ?? 0;
  }
  return { height, width, channels, data };
}
