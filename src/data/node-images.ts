// Folders of pictures in Node: lists them, and decodes them by @napi-rs/canvas where that is installed.
import { opendir, readFile, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { FormatError, IoError, UnsupportedError, WgslimError, throwIfAborted } from "../base/errors.ts";
import type { DecodeImage, ImageFile } from "./image-folder.ts";

const isPicture = /\.(?:png|jpe?g|webp|gif|bmp|avif)$/i;
const maxFiles = 2 ** 22;

export interface ImageFilesOptions {
  /** Bytes that one file may have; default 256 MiB. */
  readonly maxFileBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * Lists the pictures of a folder and its sub-folders by their names' ends. Hidden files and links are left out.
 * @throws IoError where the folder can't be read
 * @example imageFolder(await imageFiles("flowers"), { decodeImage: await canvasDecoder(), crop: { height: 224, width: 224 } })
 */
export async function imageFiles(folder: string, options: ImageFilesOptions = {}): Promise<readonly ImageFile[]> {
  const { maxFileBytes = 2 ** 28, signal } = options;
  const files: ImageFile[] = [];
  const walk = async (path: string): Promise<void> => {
    throwIfAborted(signal);
    for await (const entry of await opendir(path)) {
      if (entry.name.startsWith(".")) continue;
      const inner = join(path, entry.name);
      if (entry.isDirectory()) await walk(inner);
      else if (entry.isFile() && isPicture.test(entry.name)) files.push(fileAt(folder, inner, maxFileBytes));
      if (files.length > maxFiles) throw new UnsupportedError(`${folder} holds more than ${maxFiles} pictures.`);
    }
  };
  await orIoError(folder, () => walk(folder), signal);
  return files;
}

const fileAt = (folder: string, path: string, maxFileBytes: number): ImageFile => ({
  path: relative(folder, path).split(sep).join("/"),
  read: (signal) =>
    orIoError(
      path,
      async () => {
        const { size } = await stat(path);
        if (size > maxFileBytes) {
          throw new FormatError(`${path}: a picture of ${size} bytes is too large.`, {
            hint: "Make it smaller, or raise maxFileBytes.",
            details: { file: path, limit: maxFileBytes },
          });
        }
        return readFile(path, signal ? { signal } : {});
      },
      signal,
    ),
});

async function orIoError<T>(path: string, act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throwIfAborted(signal);
    if (cause instanceof WgslimError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new IoError(`${path} can't be read: ${why}.`, { details: { file: path }, cause });
  }
}

/** What is used of @napi-rs/canvas; its own types would be the consumer's to install. */
export interface CanvasLibrary {
  loadImage(bytes: Uint8Array): Promise<{ readonly width: number; readonly height: number }>;
  createCanvas(
    width: number,
    height: number,
  ): {
    getContext(kind: "2d"): {
      drawImage(image: object, x: number, y: number): void;
      getImageData(x: number, y: number, width: number, height: number): Awaited<ReturnType<DecodeImage>>;
    };
  };
}

/**
 * A decoder for PNG, JPEG, WebP, GIF, BMP and AVIF.
 * @throws UnsupportedError where @napi-rs/canvas is not installed
 */
export async function canvasDecoder(
  load: () => Promise<CanvasLibrary> = async () => await import("@napi-rs/canvas"),
): Promise<DecodeImage> {
  const { createCanvas, loadImage } = await load().catch((cause: unknown) => {
    throw new UnsupportedError("Decoding pictures needs @napi-rs/canvas, which can't be loaded.", {
      hint: "Install it beside wgslim: npm i @napi-rs/canvas",
      cause,
    });
  });
  return async (bytes) => {
    const image = await loadImage(bytes);
    const canvas = createCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
  };
}
