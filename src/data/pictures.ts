// From pictures to what a network takes: size, cut, colours, scale, mean and deviation, layout. The order is that of
// torchvision's transforms: resize, crop, scale, normalise.
import { UsageError } from "../base/errors.ts";
import type { InputTensor } from "../evaluate/tensors.ts";
import { checkIndices, fieldOf, type Dataset, type Field } from "./dataset.ts";
import { centerCrop, resize, type Picture, type ResizeFilter } from "./resize.ts";

export interface PictureOptions {
  /** Both sides, or the shorter side, the other in proportion; default: as it is. */
  readonly resize?: { readonly height: number; readonly width: number } | { readonly shorter: number };
  /** Cut from the middle, after resizing. */
  readonly crop?: { readonly height: number; readonly width: number };
  /** Default bilinear. */
  readonly filter?: ResizeFilter;
  /** Default "as is". Gray weighs red, green and blue by 0.299, 0.587 and 0.114 (ITU-R 601). */
  readonly color?: "as is" | "rgb" | "bgr" | "gray";
  /** Multiplies every value, before mean and deviation; default 1/255. */
  readonly scale?: number;
  /** Subtracted, one for all channels or one each; default 0. */
  readonly mean?: number | readonly number[];
  /** Divided by, one for all channels or one each; default 1. */
  readonly std?: number | readonly number[];
  /** Default NCHW. */
  readonly layout?: "NCHW" | "NHWC";
}

/** Where the axes of a picture in an array are. */
export type PictureAxes = "HW" | "HWC" | "CHW";

const perChannel = (value: number | readonly number[], channels: number, what: string): readonly number[] => {
  const values = typeof value === "number" ? Array.from({ length: channels }, () => value) : value;
  if (values.length !== channels || !values.every(Number.isFinite)) {
    throw new UsageError(`${what} of [${values.join(", ")}] does not fit pictures of ${channels} channels.`);
  }
  return values;
};

/** Height and width after resizing and cutting. */
export function sizeAfter(
  { height, width }: Pick<Picture, "height" | "width">,
  options: PictureOptions,
): readonly [number, number] {
  if (options.crop) return [options.crop.height, options.crop.width];
  return sizeResized(height, width, options.resize);
}

function sizeResized(height: number, width: number, asked: PictureOptions["resize"]): readonly [number, number] {
  if (!asked) return [height, width];
  if ("height" in asked) return [asked.height, asked.width];
  // As torchvision: the longer side is rounded down.
  const { shorter } = asked;
  return height <= width
    ? [shorter, Math.floor((shorter * width) / height)]
    : [Math.floor((shorter * height) / width), shorter];
}

/**
 * Prepares one picture.
 * @returns values in the asked layout, without the batch axis
 * @throws UsageError where options do not fit the picture
 */
export function preparePicture(
  picture: Picture,
  options: PictureOptions = {},
): { dims: readonly number[]; data: Float32Array } {
  const { crop, filter, scale = 1 / 255, layout = "NCHW" } = options;
  const sized = resize(picture, ...sizeResized(picture.height, picture.width, options.resize), filter);
  const { height, width, channels, data } = recolor(
    crop ? centerCrop(sized, crop.height, crop.width) : sized,
    options.color,
  );
  const mean = perChannel(options.mean ?? 0, channels, "A mean");
  const std = perChannel(options.std ?? 1, channels, "A standard deviation");
  if (std.includes(0)) throw new UsageError("A standard deviation of 0 can't be divided by.");
  const pixels = height * width;
  const out = new Float32Array(pixels * channels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      const value = ((data[pixel * channels + channel] ?? 0) * scale - (mean[channel] ?? 0)) / (std[channel] ?? 1);
      out[layout === "NCHW" ? channel * pixels + pixel : pixel * channels + channel] = value;
    }
  }
  return { dims: layout === "NCHW" ? [channels, height, width] : [height, width, channels], data: out };
}

function recolor(picture: Picture, color: PictureOptions["color"] = "as is"): Picture {
  const { height, width, channels, data } = picture;
  if (color === "as is") return picture;
  if (channels !== 1 && channels !== 3)
    throw new UsageError(`Pictures of ${channels} channels have no colours to turn.`);
  const wanted = color === "gray" ? 1 : 3;
  if (color === "gray" && channels === 1) return picture;
  const at = (pixel: number, channel: number): number => data[pixel * channels + Math.min(channel, channels - 1)] ?? 0;
  const out = new Float64Array(height * width * wanted);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const [red, green, blue] = [at(pixel, 0), at(pixel, 1), at(pixel, 2)];
    if (color === "gray") out[pixel] = 0.299 * red + 0.587 * green + 0.114 * blue;
    else out.set(color === "rgb" ? [red, green, blue] : [blue, green, red], pixel * 3);
  }
  return { height, width, channels: wanted, data: out };
}

/** The axes of an array that holds pictures: one of three axes has its channels where there are 4 or fewer. */
function guessAxes(name: string, { dims }: Field): PictureAxes {
  if (dims.length === 2) return "HW";
  const [first = 0, , last = 0] = dims;
  if (dims.length === 3 && first <= 4) return "CHW";
  if (dims.length === 3 && last <= 4) return "HWC";
  throw new UsageError(`${name}: [${dims.map((dim) => dim ?? "?").join(", ")}] is no picture.`, {
    hint: "Say where its axes are: HW, HWC or CHW.",
    details: { file: name },
  });
}

function toPicture(data: ArrayLike<number>, dims: readonly number[], axes: PictureAxes): Picture {
  const [first = 1, second = 1, third = 1] = dims;
  if (axes === "HW") return { height: first, width: second, channels: 1, data };
  if (axes === "HWC") return { height: first, width: second, channels: third, data };
  const pixels = second * third;
  const inner = Float64Array.from(
    { length: first * pixels },
    (_, at) => data[(at % first) * pixels + Math.floor(at / first)] ?? 0,
  );
  return { height: second, width: third, channels: first, data: inner };
}

/**
 * The data set with one field's pictures prepared as they are read.
 * @param axes default: two axes are HW, of three the one of 4 or fewer is the channels
 * @throws UsageError where the field is missing or holds no pictures
 * @example withPictures(await idxDataset(images), "input", { mean: 0.286, std: 0.353 })
 */
export function withPictures(
  dataset: Dataset,
  name: string,
  options: PictureOptions = {},
  axes?: PictureAxes,
): Dataset {
  const field = fieldOf(dataset, name);
  const known = field.dims.filter((dim) => dim !== undefined);
  const order = axes ?? guessAxes(dataset.name, field);
  if (known.length !== field.dims.length || known.length !== order.length) {
    throw new UsageError(
      `${dataset.name}: "${name}" of [${field.dims.map((dim) => dim ?? "?").join(", ")}] has no axes ${order}.`,
      {
        details: { file: dataset.name },
      },
    );
  }
  const size = known.reduce((product, dim) => product * dim, 1);
  // One picture of zeros shows which shape comes out, and that the options fit.
  const { dims } = preparePicture(toPicture(new Float32Array(size), known, order), options);
  return {
    ...dataset,
    fields: dataset.fields.map((one) => (one.name === name ? { name, dtype: "f32", dims } : one)),
    async read(indices, signal) {
      checkIndices(dataset, indices);
      const batch = new Map(await dataset.read(indices, signal));
      const raw = batch.get(name);
      if (raw) batch.set(name, prepared(raw));
      return batch;
    },
  };

  function prepared(raw: InputTensor): InputTensor {
    const count = raw.dims[0] ?? 0;
    const outSize = dims.reduce((product, dim) => product * dim, 1);
    const data = new Float32Array(count * outSize);
    for (let index = 0; index < count; index++) {
      const picture = toPicture(raw.data.subarray(index * size, (index + 1) * size), known, order);
      data.set(preparePicture(picture, options).data, index * outSize);
    }
    return { name, dtype: "f32", dims: [count, ...dims], data };
  }
}
