// Compressed bytes in and out by the platform's own streams (DecompressionStream, CompressionStream), which pages,
// workers and Node all have. A few bytes can claim to be gigabytes, so the caller says how many may come out, and
// input goes in by small pieces: what is held is never much more than that.
import { FormatError, UnsupportedError, throwIfAborted } from "../base/errors.ts";

export type Compression = "gzip" | "deflate-raw";

/** Deflate can't do better than 258 bytes for 2 bits. */
const bestRatio = 1032;
const pieceBytes = 16 * 1024;

export interface InflateOptions {
  /** For messages. */
  readonly name: string;
  /** More than this is an error. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** What so many compressed bytes can hold at most. */
export const mostInflated = (compressedBytes: number): number => (compressedBytes + 64) * bestRatio;

/**
 * Decompresses one gzip file or one raw deflate stream.
 * @throws FormatError where the stream is damaged, truncated or longer than `maxBytes`; UnsupportedError where the
 *   platform has no DecompressionStream
 */
export async function inflate(
  bytes: Uint8Array,
  compression: Compression,
  { name, maxBytes, signal }: InflateOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = open(() => new DecompressionStream(compression));
  // A stream that fails rejects both ends; the reader's rejection is the one that is told.
  const feeding = feed(writable, bytes).catch(() => undefined);
  const reader = readable.getReader();
  const pieces: Uint8Array[] = [];
  let total = 0;
  try {
    for (;;) {
      throwIfAborted(signal);
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw new FormatError(`${name}: the compressed data is damaged or cut off.`, {
          hint: "Fetch the file again.",
          details: { file: name },
          cause,
        });
      });
      if (done) break;
      total += value.length;
      if (total > maxBytes) {
        throw new FormatError(`${name}: the compressed data holds more than ${maxBytes} bytes.`, {
          hint: "The file is damaged or hostile, or it needs a larger limit.",
          details: { file: name, limit: maxBytes },
        });
      }
      pieces.push(value);
    }
  } catch (error) {
    await reader.cancel(error).catch(() => undefined);
    throw error;
  } finally {
    await feeding;
  }
  return joined(pieces, total);
}

/** Compresses; the same bytes on one engine, not the same on all. */
export async function deflate(bytes: Uint8Array, compression: Compression): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = open(() => new CompressionStream(compression));
  const feeding = feed(writable, bytes);
  const reader = readable.getReader();
  const pieces: Uint8Array[] = [];
  let total = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    pieces.push(next.value);
    total += next.value.length;
  }
  await feeding;
  return joined(pieces, total);
}

/** Whether the bytes begin as a gzip file does. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

function open<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new UnsupportedError("Compressed files can't be read or written here.", {
      hint: "Unpack the file first, or use a platform with DecompressionStream for deflate-raw.",
      cause,
    });
  }
}

async function feed(writable: WritableStream<BufferSource>, bytes: Uint8Array): Promise<void> {
  const writer = writable.getWriter();
  // It rejects with the stream; who awaits the writes is told already.
  writer.closed.catch(() => undefined);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    await writer.ready;
    await writer.write(new Uint8Array(bytes.subarray(at, at + pieceBytes)));
  }
  await writer.close();
}

function joined(pieces: readonly Uint8Array[], total: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
