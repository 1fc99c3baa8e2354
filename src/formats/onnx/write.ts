// Carries a layout out: known bytes and copies go to the sink in order and in bounded chunks, the next
// chunk being read while the last is written. Pending ranges are left open for a run to fill, or filled
// by a callback. Memory: two chunks.
import type { ByteSink } from "../../base/bytes.ts";
import { InternalError, throwIfAborted } from "../../base/errors.ts";
import type { FileExtent, FileLayout } from "./layout.ts";
import { SourceWindow } from "./wire.ts";

const chunkBytes = 4 * 1024 * 1024;
/** Copies up to this long are gathered with their neighbours. */
const gatherBytes = 64 * 1024;

/** Where to deliver a pending tensor: `sink.writeAt(offset + k, bytes)`, in any order. */
export interface PendingTarget {
  readonly sink: ByteSink;
  readonly offset: number;
  readonly length: number;
}

export interface WriteOptions {
  readonly signal?: AbortSignal;
  /** Delivers pending bytes now; without it the ranges stay open. */
  readonly pending?: (key: string, length: number) => Promise<Uint8Array> | Uint8Array;
  /** Called with the bytes written so far, of all that are known before the run. */
  readonly onProgress?: (written: number) => void;
}

/**
 * Writes everything that is known. Does not commit: the caller commits `sink` (siblings follow) once the
 * pending ranges are filled.
 * @returns the targets of pending tensors by key
 * @throws FormatError, IoError from source and sink; AbortedError
 */
export async function writeLayout(
  layout: FileLayout,
  sink: ByteSink,
  options: WriteOptions = {},
): Promise<ReadonlyMap<string, PendingTarget>> {
  let written = 0;
  const progress = (bytes: number): void => {
    written += bytes;
    options.onProgress?.(written);
  };
  await sink.allocate(layout.main.size);
  const external = layout.external && (await sink.sibling(layout.external.fileName));
  if (layout.external && external) {
    await external.allocate(layout.external.size);
    await writeExtent(layout.external, external, options, progress);
  }
  await writeExtent(layout.main, sink, options, progress);
  const targets = new Map<string, PendingTarget>();
  for (const [key, { file, offset, length }] of layout.pending) {
    const target = file === "main" ? sink : external;
    if (!target) throw new InternalError(`The place of "${key}" is in a file that the layout lacks.`);
    targets.set(key, { sink: target, offset, length });
  }
  return targets;
}

async function writeExtent(
  extent: FileExtent,
  sink: ByteSink,
  options: WriteOptions,
  progress: (bytes: number) => void,
): Promise<void> {
  let inFlight: Promise<void> | undefined;
  try {
    for await (const { offset, bytes } of chunksOf(extent, options)) {
      throwIfAborted(options.signal);
      await inFlight;
      inFlight = sink.writeAt(offset, bytes).then(() => progress(bytes.length));
      // A failure is taken up by the next await; this keeps it from being reported as unhandled meanwhile.
      inFlight.catch(() => undefined);
    }
  } finally {
    await inFlight;
  }
}

interface Chunk {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

async function* chunksOf(extent: FileExtent, options: WriteOptions): AsyncGenerator<Chunk> {
  const { signal } = options;
  let window: SourceWindow | undefined;
  let parts: Uint8Array[] = [];
  let start = 0;
  let gathered = 0;
  const flush = function* (): Generator<Chunk> {
    if (gathered === 0) return;
    const bytes = new Uint8Array(gathered);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    parts = [];
    gathered = 0;
    yield { offset: start, bytes };
  };
  for (const segment of extent.segments) {
    throwIfAborted(signal);
    const length = segment.kind === "bytes" ? segment.bytes.length : segment.kind === "copy" ? segment.range.length : 0;
    if (segment.kind !== "pending" && length <= gatherBytes) {
      if (gathered === 0) start = segment.offset;
      if (segment.kind === "bytes") parts.push(segment.bytes);
      else {
        const { source, offset } = segment.range;
        if (window?.source !== source) window = new SourceWindow(source, signal);
        parts.push(await window.get(offset, length));
      }
      gathered += length;
      if (gathered >= chunkBytes) yield* flush();
      continue;
    }
    yield* flush();
    if (segment.kind === "bytes") yield { offset: segment.offset, bytes: segment.bytes };
    else if (segment.kind === "copy") {
      const { source, offset } = segment.range;
      for (let at = 0; at < length; at += chunkBytes) {
        const bytes = await source.read(offset + at, Math.min(chunkBytes, length - at), signal);
        yield { offset: segment.offset + at, bytes };
      }
    } else if (options.pending) {
      const bytes = await options.pending(segment.key, segment.length);
      if (bytes.length !== segment.length) {
        throw new InternalError(`"${segment.key}" came with ${bytes.length} bytes instead of ${segment.length}.`);
      }
      yield { offset: segment.offset, bytes };
    }
  }
  yield* flush();
}
