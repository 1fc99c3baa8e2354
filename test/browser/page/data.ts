// The page: reads packed arrays and decodes pictures by the browser's own streams and canvases, and gives what came
// out. Driven by data.test.ts through `globalThis.runJob`.
import { WgslimError } from "../../../src/base/errors.ts";
import { npzDataset } from "../../../src/data/arrays.ts";
import { imageFolder } from "../../../src/data/image-folder.ts";
import { bitmapDecoder, imagesFromFiles } from "../../../src/data/web-images.ts";
import { inflate } from "../../../src/formats/inflate.ts";
import { fromBlob } from "../../../src/formats/sources/blob.ts";

export interface Job {
  readonly kind: "npz" | "images" | "gzip";
  /** Files by path, as base64. */
  readonly files: Readonly<Record<string, string>>;
  /** For gzip: bytes that may come out. */
  readonly maxBytes?: number;
}

export type Outcome =
  | { readonly values: readonly number[]; readonly names: readonly string[] }
  | { readonly code: string };

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** A file as a chosen folder gives it. */
function chosen(path: string, bytes: Uint8Array<ArrayBuffer>): File {
  const file = new File([bytes], path.split("/").at(-1) ?? path);
  Object.defineProperty(file, "webkitRelativePath", { value: path });
  return file;
}

async function run({ kind, files, maxBytes = 2 ** 20 }: Job): Promise<Outcome> {
  const entries = Object.entries(files).map(([path, base64]) => [path, bytesOf(base64)] as const);
  const [first] = entries;
  if (!first) throw new Error("no file");
  try {
    if (kind === "gzip") {
      return { values: [...(await inflate(first[1], "gzip", { name: first[0], maxBytes }))], names: [] };
    }
    const data =
      kind === "npz"
        ? await npzDataset(fromBlob(new Blob([first[1]]), first[0]))
        : imageFolder(imagesFromFiles(entries.map(([path, bytes]) => chosen(path, bytes))), {
            decodeImage: bitmapDecoder,
            crop: { height: 1, width: 2 },
            scale: 1,
          });
    const batch = await data.read(Array.from({ length: data.size }, (_, index) => index));
    const values = [...batch.values()].flatMap((tensor) => Array.from(tensor.data));
    return { values, names: data.classNames ?? [...batch.keys()] };
  } catch (error) {
    if (error instanceof WgslimError) return { code: error.code };
    throw error;
  }
}

Object.assign(globalThis, { runJob: run });
document.body.dataset["state"] = "done";
