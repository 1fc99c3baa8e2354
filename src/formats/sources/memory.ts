// Byte arrays as a source, and a sink that keeps what it is given in memory.
import type { ByteSink, ByteSource } from "../../base/bytes.ts";
import { IoError, UsageError, throwIfAborted } from "../../base/errors.ts";
import { checkRange, requireSafePath } from "./checks.ts";
import { siblingOpener, type SiblingOptions } from "./siblings.ts";

/** A source over bytes in memory. Reads are views, not copies: nobody may write into them. */
export function fromBytes(name: string, bytes: Uint8Array, options: SiblingOptions<Uint8Array> = {}): ByteSource {
  const source = { name, size: bytes.length };
  return {
    ...source,
    async read(offset, length, signal) {
      throwIfAborted(signal);
      checkRange(source, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    ...siblingOpener(name, options.siblings, (file, path) => fromBytes(path, file)),
  };
}

/** A sink in memory: `bytes` after `commit`. */
export interface MemorySink extends ByteSink {
  /** What was committed. @throws UsageError before `commit` */
  bytes(): Uint8Array;
  /** Committed siblings by file name. */
  siblings(): ReadonlyMap<string, Uint8Array>;
}

export function toMemory(name = "memory"): MemorySink {
  let held = new Uint8Array(0);
  let size = 0;
  let committed = false;
  const siblings = new Map<string, MemorySink>();
  const grow = (to: number): void => {
    size = Math.max(size, to);
    if (to <= held.length) return;
    const larger = new Uint8Array(Math.max(to, Math.min(2 * held.length, held.length + 2 ** 26)));
    larger.set(held);
    held = larger;
  };
  const source = (): ByteSource => ({
    ...fromBytes(name, held.subarray(0, size)),
    async sibling(path) {
      const file = siblings.get(path);
      if (file) return file.asSource();
      throw new IoError(`${name}: there is no file "${path}" beside it.`, { details: { file: name, location: path } });
    },
  });
  return {
    name,
    async allocate(total) {
      grow(total);
      size = total;
    },
    async writeAt(offset, bytes) {
      grow(offset + bytes.length);
      held.set(bytes, offset);
    },
    async sibling(fileName) {
      requireSafePath(fileName, name);
      const file = toMemory(fileName);
      siblings.set(fileName, file);
      return file;
    },
    async commit() {
      for (const file of siblings.values()) await file.commit();
      committed = true;
    },
    async discard() {
      for (const file of siblings.values()) await file.discard();
      siblings.clear();
      held = new Uint8Array(0);
      size = 0;
    },
    asSource: async () => source(),
    bytes() {
      if (!committed) throw new UsageError(`${name}: nothing is committed yet.`);
      return held.subarray(0, size);
    },
    siblings: () => new Map([...siblings].map(([fileName, file]) => [fileName, file.bytes()])),
  };
}
