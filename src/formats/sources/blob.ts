// Blobs and Files of a page as a source. No DOM beyond Blob.
import type { ByteSource } from "../../base/bytes.ts";
import { IoError, throwIfAborted } from "../../base/errors.ts";
import { checkRange } from "./checks.ts";
import { siblingOpener, type SiblingOptions } from "./siblings.ts";

/**
 * A source over a Blob or File; only what is asked for is read.
 * @example fromBlob(input.files[0], input.files[0].name, { siblings: { "model.onnx_data": input.files[1] } })
 */
export function fromBlob(blob: Blob, name: string, options: SiblingOptions<Blob> = {}): ByteSource {
  const source = { name, size: blob.size };
  return {
    ...source,
    async read(offset, length, signal) {
      throwIfAborted(signal);
      checkRange(source, offset, length);
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (cause) {
        throw new IoError(`${name}: reading failed; the file may have changed or gone.`, {
          hint: "Choose the file again.",
          details: { file: name, offset, length },
          cause,
        });
      }
    },
    ...siblingOpener(name, options.siblings, (file, path) => fromBlob(file, path)),
  };
}
