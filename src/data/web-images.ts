// Pictures in pages and workers: files that the user chose as a folder, decoded by the browser.
import { UnsupportedError } from "../base/errors.ts";
import { fromBlob } from "../formats/sources/blob.ts";
import type { DecodeImage, ImageFile } from "./image-folder.ts";

const isPicture = /\.(?:png|jpe?g|webp|gif|bmp|avif)$/i;

/**
 * The pictures among the files of an `<input type="file" webkitdirectory>`; the chosen folder itself is no class.
 * @example imageFolder(imagesFromFiles(input.files), { decodeImage: bitmapDecoder, crop: { height: 224, width: 224 } })
 */
export function imagesFromFiles(files: Iterable<File>): readonly ImageFile[] {
  return Array.from(files)
    .filter((file) => isPicture.test(file.name))
    .map((file): ImageFile => {
      const path = file.webkitRelativePath.split("/").slice(1).join("/") || file.name;
      return { path, read: (signal) => fromBlob(file, path).read(0, file.size, signal) };
    });
}

/** Decodes by `createImageBitmap`: colours as they are stored, without the screen's profile. */
export const bitmapDecoder: DecodeImage = async (bytes, name) => {
  const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  try {
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
    if (!context) throw new UnsupportedError(`${name}: this browser gives no canvas to decode pictures with.`);
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
};
