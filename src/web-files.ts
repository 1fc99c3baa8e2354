// Sinks of web pages and workers: a Blob to download, and a file in the origin private file system.
// Web standards only. Blob parts may live on disk, so a large result does not need as much memory.
import type { ByteSink, ByteSource } from "./base/bytes.ts";
import { IoError, UnsupportedError, UsageError, WgslimError } from "./base/errors.ts";
import { fromBlob } from "./formats/sources/blob.ts";
import { requireSafePath } from "./formats/sources/checks.ts";

interface Part {
  readonly offset: number;
  readonly blob: Blob;
}

const partEnd = ({ offset, blob }: Part): number => offset + blob.size;

/** Pieces of a file in ascending order without overlap; a later write cuts into earlier ones. */
class Parts {
  #parts: Part[] = [];
  size = 0;

  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const added: Part = { offset, blob: new Blob([bytes.slice()]) };
    const end = partEnd(added);
    let first = this.#parts.length;
    while (first > 0 && partEnd(this.#parts[first - 1] ?? added) > offset) first--;
    let last = first;
    const kept: Part[] = [];
    for (let part = this.#parts[last]; part && part.offset < end; part = this.#parts[++last]) {
      if (part.offset < offset) kept.push({ offset: part.offset, blob: part.blob.slice(0, offset - part.offset) });
      if (partEnd(part) > end) kept.push({ offset: end, blob: part.blob.slice(end - part.offset) });
    }
    const before = kept.filter((part) => part.offset < offset);
    const after = kept.filter((part) => part.offset > offset);
    this.#parts.splice(first, last - first, ...before, added, ...after);
    this.size = Math.max(this.size, end);
  }

  /** The file so far; what was never written is zero. */
  toBlob(): Blob {
    const pieces: BlobPart[] = [];
    let at = 0;
    const fill = (to: number): void => {
      for (; at < to; at += Math.min(to - at, 2 ** 20)) pieces.push(new Uint8Array(Math.min(to - at, 2 ** 20)));
    };
    for (const part of this.#parts) {
      fill(part.offset);
      pieces.push(part.blob);
      at = partEnd(part);
    }
    fill(this.size);
    return new Blob(pieces, { type: "application/octet-stream" });
  }

  clear(): void {
    this.#parts = [];
    this.size = 0;
  }
}

export interface BlobSink extends ByteSink {
  /** The committed file. @throws UsageError before `commit` */
  blob(): Blob;
  /** Committed siblings (external data) by file name. */
  siblings(): ReadonlyMap<string, Blob>;
}

/** A sink whose result is a Blob. */
export function toBlob(name = "model"): BlobSink {
  const parts = new Parts();
  const siblings = new Map<string, BlobSink>();
  let committed: Blob | undefined;
  return {
    name,
    async allocate(size) {
      parts.size = Math.max(parts.size, size);
    },
    async writeAt(offset, bytes) {
      parts.write(offset, bytes);
    },
    async sibling(fileName) {
      requireSafePath(fileName, name);
      const file = toBlob(fileName);
      siblings.set(fileName, file);
      return file;
    },
    async commit() {
      for (const file of siblings.values()) await file.commit();
      committed = parts.toBlob();
    },
    async discard() {
      for (const file of siblings.values()) await file.discard();
      parts.clear();
      committed = undefined;
    },
    asSource: async () => withSiblings(fromBlob(committed ?? parts.toBlob(), name), siblings),
    blob() {
      if (committed) return committed;
      throw new UsageError(`${name}: nothing is committed yet.`);
    },
    siblings: () => new Map([...siblings].map(([fileName, file]) => [fileName, file.blob()])),
  };
}

function withSiblings(source: ByteSource, siblings: ReadonlyMap<string, ByteSink>): ByteSource {
  return {
    ...source,
    async sibling(path) {
      const file = siblings.get(path);
      if (file) return file.asSource();
      throw new IoError(`${source.name}: there is no file "${path}" beside it.`, { details: { location: path } });
    },
  };
}

export interface OpfsOptions {
  /** Default: the root of the origin private file system. */
  readonly directory?: FileSystemDirectoryHandle;
}

/** `move` is not in the type library yet; all engines with OPFS have it for files. */
type MovableHandle = FileSystemFileHandle & { move?: (name: string) => Promise<void> };

async function attempt<T>(name: string, doing: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof WgslimError) throw cause;
    const full = cause instanceof Error && cause.name === "QuotaExceededError";
    throw new IoError(`${name} can't be ${doing}: ${cause instanceof Error ? cause.message : String(cause)}.`, {
      hint: full
        ? "The browser's quota is used up; delete stored files."
        : "Allow this page to store data, then try again.",
      details: { file: name },
      cause,
    });
  }
}

/**
 * A sink that writes into the origin private file system under a temporary name and takes its own name on
 * commit; an earlier file of that name is replaced only then.
 * @throws UnsupportedError where there is no such file system; IoError where the quota is used up
 */
export async function toOpfs(name: string, options: OpfsOptions = {}): Promise<ByteSink> {
  if (requireSafePath(name, "OPFS").length !== 1) throw new UsageError(`"${name}" is not a plain file name.`);
  const storage: StorageManager | undefined = globalThis.navigator?.storage;
  if (!options.directory && !storage?.getDirectory) {
    throw new UnsupportedError("This page has no private file system (OPFS).", { hint: "Write to a Blob instead." });
  }
  const directory = options.directory ?? (await attempt(name, "opened", () => storage.getDirectory()));
  const hidden = `${name}.${globalThis.crypto.randomUUID().slice(0, 8)}.part`;
  const handle: MovableHandle = await attempt(name, "written", () => directory.getFileHandle(hidden, { create: true }));
  const siblings = new Map<string, ByteSink>();
  let current = handle;
  let stream: FileSystemWritableFileStream | undefined;
  let done = false;
  // Writes go to the browser's copy of the file; closing makes them readable.
  const writable = async (): Promise<FileSystemWritableFileStream> => {
    if (done) throw new UsageError(`${name} is finished: nothing more can be written to it.`);
    stream ??= await handle.createWritable({ keepExistingData: true });
    return stream;
  };
  const flush = async (): Promise<void> => {
    await stream?.close();
    stream = undefined;
  };
  return {
    name,
    allocate: (size) => attempt(name, "written", async () => (await writable()).truncate(size)),
    writeAt: (position, bytes) =>
      attempt(name, "written", async () => (await writable()).write({ type: "write", position, data: bytes.slice() })),
    async sibling(fileName) {
      const file = await toOpfs(fileName, { directory });
      siblings.set(fileName, file);
      return file;
    },
    async commit() {
      for (const file of siblings.values()) await file.commit();
      await attempt(name, "written", async () => {
        await flush();
        if (handle.move) await handle.move(name);
        else {
          current = await directory.getFileHandle(name, { create: true });
          await (await handle.getFile()).stream().pipeTo(await current.createWritable());
          await directory.removeEntry(hidden);
        }
      });
      done = true;
    },
    async discard() {
      for (const file of siblings.values()) await file.discard();
      if (done) return;
      done = true;
      await attempt(name, "discarded", async () => {
        await stream?.abort();
        await directory.removeEntry(hidden);
      });
    },
    async asSource() {
      await attempt(name, "written", flush);
      const file = await attempt(name, "read", () => current.getFile());
      return withSiblings(fromBlob(file, name), siblings);
    },
  };
}
