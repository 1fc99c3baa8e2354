// SHA-256 of whole sources by Node's own code. Node only.
import { createHash } from "node:crypto";
import type { ByteSource } from "./base/bytes.ts";

const hashWindow = 4 * 2 ** 20;

/**
 * Lower-case hexadecimal digest of all bytes, read through one window.
 * @param onRead called after each window with its bytes
 * @throws AbortedError; IoError, FormatError as the source does
 */
export async function hashSource(
  source: ByteSource,
  signal?: AbortSignal,
  onRead?: (bytes: number) => void,
): Promise<string> {
  const hash = createHash("sha256");
  const window = new Uint8Array(Math.min(hashWindow, source.size));
  for (let offset = 0; offset < source.size; offset += hashWindow) {
    const bytes = window.subarray(0, Math.min(hashWindow, source.size - offset));
    if (source.readInto) await source.readInto(offset, bytes, signal);
    hash.update(source.readInto ? bytes : await source.read(offset, bytes.length, signal));
    onRead?.(bytes.length);
  }
  return hash.digest("hex");
}
