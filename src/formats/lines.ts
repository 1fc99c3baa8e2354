// Lines of a text file, read window by window and decoded line by line, so that a fault can name its line. Lines end
// in LF or CRLF; a byte order mark is dropped. UTF-8 only.
import type { ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

const windowBytes = 256 * 1024;
/** A longer line is taken for no text at all. */
const maxLineBytes = 64 * 2 ** 20;

/**
 * Yields every line, the empty ones too; an end of line at the very end begins no further line.
 * @throws FormatError where a line is no UTF-8 or longer than 64 MiB
 */
export async function* readLines(source: ByteSource, signal?: AbortSignal): AsyncGenerator<Line, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let number = 0;
  let carried: Uint8Array[] = [];
  let carriedBytes = 0;
  const take = (end: Uint8Array): Line => {
    number++;
    const text = decode(decoder, joined(carried, carriedBytes, end), source.name, number);
    carried = [];
    carriedBytes = 0;
    const trimmed = text.endsWith("\r") ? text.slice(0, -1) : text;
    return { number, text: number === 1 && trimmed.startsWith("\uFEFF") ? trimmed.slice(1) : trimmed };
  };
  for (let at = 0; at < source.size; at += windowBytes) {
    const bytes = await source.read(at, Math.min(windowBytes, source.size - at), signal);
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      yield take(bytes.subarray(start, end));
      start = end + 1;
    }
    // A copy: a source may read the next window into the same bytes.
    const rest = new Uint8Array(bytes.subarray(start));
    carriedBytes += rest.length;
    if (rest.length > 0) carried.push(rest);
    if (carriedBytes > maxLineBytes) {
      throw lineFault(source.name, number + 1, `the line is longer than ${maxLineBytes} bytes.`);
    }
  }
  if (carriedBytes > 0) yield take(new Uint8Array(0));
}

/** A FormatError that names the file and the line. */
export const lineFault = (file: string, line: number, what: string, hint?: string): FormatError =>
  new FormatError(`${file}, line ${line}: ${what}`, {
    ...(hint === undefined ? {} : { hint }),
    details: { file, line },
  });

function joined(pieces: readonly Uint8Array[], bytes: number, end: Uint8Array): Uint8Array {
  if (bytes === 0) return end;
  const whole = new Uint8Array(bytes + end.length);
  let at = 0;
  for (const piece of [...pieces, end]) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function decode(decoder: TextDecoder, bytes: Uint8Array, file: string, line: number): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new FormatError(`${file}, line ${line}: this is no UTF-8 text.`, {
      hint: "Save the file as UTF-8.",
      details: { file, line },
      cause,
    });
  }
}
