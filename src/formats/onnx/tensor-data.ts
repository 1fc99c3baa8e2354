// Loads a tensor's elements.
import { IoError, OutOfMemoryError, UnsupportedError } from "../../base/errors.ts";
import type { OnnxTensor } from "./ir.ts";

export interface TensorReadOptions {
  /** Larger tensors are refused; default 256 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * The elements of a tensor, packed and little-endian; not to be written into.
 * @throws OutOfMemoryError above `maxBytes`; UnsupportedError for strings and for results still pending;
 *   FormatError, IoError, AbortedError from the source
 */
export async function readTensorBytes(tensor: OnnxTensor, options: TensorReadOptions = {}): Promise<Uint8Array> {
  const { data, name } = tensor;
  if (data.kind === "strings" || data.kind === "pending") {
    const what = data.kind === "strings" ? "holds strings" : "is not computed yet";
    throw new UnsupportedError(`Tensor "${name}" ${what}: it has no bytes to read.`, { details: { tensor: name } });
  }
  const length = data.kind === "bytes" ? data.bytes.length : data.range.length;
  const maxBytes = options.maxBytes ?? 256 * 1024 * 1024;
  if (length > maxBytes) {
    throw new OutOfMemoryError(`Tensor "${name}" has ${length} bytes, and at most ${maxBytes} may be read at once.`, {
      hint: "Read it in pieces from its range.",
      details: { tensor: name, neededBytes: length, availableBytes: maxBytes },
    });
  }
  if (data.kind === "bytes") return data.bytes;
  const bytes = await data.range.source.read(data.range.offset, length, options.signal);
  if (bytes.length === length) return bytes;
  throw new IoError(`${data.range.source.name}: tensor "${name}" came with ${bytes.length} bytes of ${length}.`);
}
