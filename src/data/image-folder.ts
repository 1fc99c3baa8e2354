// A folder of pictures as a data set: one sub-folder a class, named after it. Pictures are read and decoded when they
// are asked for. Who lists and who decodes is given: node-images.ts, web-images.ts, or the caller's own.
import { FormatError, UsageError, WgslimError } from "../base/errors.ts";
import type { InputTensor } from "../evaluate/tensors.ts";
import { checkIndices, type Dataset } from "./dataset.ts";
import { preparePicture, sizeAfter, type PictureOptions } from "./pictures.ts";
import { pictureSize } from "./picture-size.ts";

export interface ImageFile {
  /** Relative, with "/": "cat/1.png". The first part is the class, where there are two or more. */
  readonly path: string;
  read(signal?: AbortSignal): Promise<Uint8Array>;
}

/** Pixels as canvases give them: red, green, blue, alpha, a byte each. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}

/** @param name for messages */
export type DecodeImage = (bytes: Uint8Array, name: string) => Promise<DecodedImage>;

export interface ImageFolderOptions extends PictureOptions {
  readonly decodeImage: DecodeImage;
  /** For messages; default "the folder". */
  readonly name?: string;
  /** What to call the pictures; default "input". Labels are "label". */
  readonly field?: string;
  /** The classes by index, where the folder may lack some; default: the sub-folders, sorted. */
  readonly classNames?: readonly string[];
  /** Pixels that a picture may have before it is resized; default 2^26. */
  readonly maxPixels?: number;
}

/**
 * Pictures by their paths. All must come out in one size, so give `crop`, or `resize` with height and width.
 * Transparency is dropped, not blended.
 * @throws UsageError where there is no picture, some lie in sub-folders and others do not, a sub-folder is none of
 *   `classNames`, or no size is given
 */
export function imageFolder(files: Iterable<ImageFile>, options: ImageFolderOptions): Dataset {
  const { name = "the folder", field = "input", color = "rgb", layout = "NCHW" } = options;
  // Not localeCompare: the order must be the same everywhere.
  const sorted = [...files].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  if (sorted.length === 0) {
    throw new UsageError(`${name}: there is no picture in it.`, {
      hint: "Put pictures into one sub-folder a class.",
      details: { file: name },
    });
  }
  const fixed = options.crop ?? (options.resize && "height" in options.resize ? options.resize : undefined);
  if (!fixed) {
    throw new UsageError(`${name}: no size is given that all pictures come out in.`, {
      hint: "Give crop, or resize with height and width.",
      details: { file: name },
    });
  }
  const { labels, classNames } = classesOf(name, sorted, options.classNames);
  const [height, width] = sizeAfter(fixed, options);
  const channels = color === "gray" ? 1 : 3;
  const dims = layout === "NCHW" ? [channels, height, width] : [height, width, channels];
  const size = channels * height * width;
  const labelsAt = (indices: readonly number[]): readonly number[] => indices.map((index) => labels?.[index] ?? 0);
  return {
    name,
    size: sorted.length,
    fields: [
      { name: field, dtype: "f32", dims },
      ...(labels ? [{ name: "label", dtype: "i64" as const, dims: [] }] : []),
    ],
    ...(labels && { labelField: "label", classNames, labels: labelsAt }),
    async read(indices, signal) {
      checkIndices({ name, size: sorted.length }, indices);
      const data = new Float32Array(indices.length * size);
      for (const [at, index] of indices.entries()) {
        const file = sorted[index];
        if (file) data.set(await load(file, { ...options, color }, signal), at * size);
      }
      const batch = new Map<string, InputTensor>();
      batch.set(field, { name: field, dtype: "f32", dims: [indices.length, ...dims], data });
      if (labels) {
        const classes = Float64Array.from(labelsAt(indices));
        batch.set("label", { name: "label", dtype: "i64", dims: [indices.length], data: classes });
      }
      return batch;
    },
  };
}

function classesOf(
  folder: string,
  files: readonly ImageFile[],
  given: readonly string[] | undefined,
): { labels?: readonly number[]; classNames: readonly string[] } {
  const names = files.map(({ path }) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : undefined));
  const stray = names.indexOf(undefined);
  if (names.every((name) => name === undefined)) return { classNames: [] };
  if (stray >= 0) {
    throw new UsageError(`${folder}: "${files[stray]?.path}" lies in no class's sub-folder, but others do.`, {
      hint: "Move it, or give a folder of pictures without sub-folders.",
      details: { file: folder },
    });
  }
  const classNames = given ?? [...new Set(names.flatMap((name) => name ?? []))];
  const indexOf = new Map(classNames.map((name, index) => [name, index]));
  const labels = names.map((name) => {
    const index = indexOf.get(name ?? "");
    if (index !== undefined) return index;
    throw new UsageError(`${folder}: the sub-folder "${name}" is none of the classes.`, { details: { file: folder } });
  });
  return { labels, classNames };
}

async function load(
  file: ImageFile,
  options: ImageFolderOptions,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { decodeImage, maxPixels = 2 ** 26 } = options;
  const bytes = await file.read(signal);
  const claimed = pictureSize(bytes);
  requirePixels(file.path, claimed ?? { width: 1, height: 1 }, maxPixels);
  const image = await decodeImage(bytes, file.path).catch((cause: unknown) => {
    if (cause instanceof WgslimError) throw cause;
    throw fault(file.path, "this picture can't be decoded.", cause);
  });
  const { width, height, data } = image;
  requirePixels(file.path, image, maxPixels);
  if (data.length !== 4 * width * height)
    throw fault(file.path, `the decoder gives ${data.length} bytes for ${width} by ${height} pixels.`);
  const rgb = new Uint8Array(3 * width * height);
  for (let at = 0; at < rgb.length; at++) rgb[at] = data[Math.floor(at / 3) * 4 + (at % 3)] ?? 0;
  return preparePicture({ width, height, channels: 3, data: rgb }, options).data;
}

function requirePixels(path: string, { width, height }: { width: number; height: number }, maxPixels: number): void {
  const pixels = width * height;
  if (!(pixels >= 1)) throw fault(path, `the picture has ${width} by ${height} pixels.`);
  if (pixels <= maxPixels) return;
  throw new FormatError(`${path}: the picture has ${width} by ${height} pixels, more than ${maxPixels}.`, {
    hint: "Make it smaller, or raise maxPixels.",
    details: { file: path, limit: maxPixels },
  });
}

const fault = (path: string, what: string, cause?: unknown): FormatError =>
  new FormatError(`${path}: ${what}`, {
    hint: "Remove it, or save it as PNG or JPEG.",
    details: { file: path },
    ...(cause === undefined ? {} : { cause }),
  });
