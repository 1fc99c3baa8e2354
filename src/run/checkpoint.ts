// What a run has delivered so far, as an append-only log, so that a lost device or a closed tab costs one
// batch. Where the bytes lie is the store's business; what they mean is here.
//
// Layout, little endian. Header: "wgslckpt", u32 version, 64 characters of the plan's fingerprint, u32 CRC-32
// of all before. Entry: u32 bytes of JSON, u32 CRC-32 of JSON and payload, u64 bytes of payload, JSON
// { unit, source, parts: [[target, bytes] ...] }, payload; `source` is the digest of what the unit was made from. A
// torn or damaged entry ends the log and is cut off.
import { crc32 } from "../base/checksum.ts";
import { FormatError, UsageError } from "../base/errors.ts";

/** Digests bytes that come in pieces. */
export interface Hasher {
  update(bytes: Uint8Array): unknown;
  digest(): string;
}

/** An append-only run of bytes. Implementations: memory (here), a file (node-checkpoint.ts), later OPFS. */
export interface CheckpointStore {
  /** For messages. */
  readonly name: string;
  size(): Promise<number>;
  read(offset: number, length: number): Promise<Uint8Array>;
  append(bytes: Uint8Array): Promise<void>;
  /** Drops all from `size` on. */
  truncate(size: number): Promise<void>;
  /** Drops everything, when the run's result is safe. */
  clear(): Promise<void>;
  /**
   * Makes digests of sources, by which an entry is known to be of the same bytes; a cryptographic one. A store that
   * outlives the opened input must have it: the next run may find another input of the same structure.
   */
  hasher?(): Hasher;
}

export interface CheckpointEntry {
  readonly unit: string;
  /** Digest of the bytes that the unit was made from; empty where the store makes none. */
  readonly source: string;
  readonly results: ReadonlyMap<string, Uint8Array>;
}

const magic = "wgslckpt";
const version = 2;
const fingerprintLength = 64;
const headerBytes = magic.length + 4 + fingerprintLength + 4;
const entryHeadBytes = 16;

/** A checkpoint that is lost with the process; serves tests and lost devices. */
export function memoryCheckpoint(): CheckpointStore {
  let log = new Uint8Array(0);
  return {
    name: "checkpoint in memory",
    size: () => Promise.resolve(log.length),
    read: (offset, length) => Promise.resolve(log.slice(offset, offset + length)),
    append: (bytes) => {
      const longer = new Uint8Array(log.length + bytes.length);
      longer.set(log);
      longer.set(bytes, log.length);
      log = longer;
      return Promise.resolve();
    },
    truncate: (size) => {
      log = log.slice(0, size);
      return Promise.resolve();
    },
    clear: () => {
      log = new Uint8Array(0);
      return Promise.resolve();
    },
  };
}

export class CheckpointLog {
  readonly #store: CheckpointStore;

  private constructor(store: CheckpointStore) {
    this.#store = store;
  }

  /**
   * Opens a store for one plan; an empty one is begun.
   * @throws UsageError where it is another plan's; FormatError where it is no checkpoint (it is left alone)
   */
  static async open(store: CheckpointStore, fingerprint: string): Promise<CheckpointLog> {
    const header = encodeHeader(fingerprint);
    const size = await store.size();
    const found = await store.read(0, Math.min(size, headerBytes));
    if (found.length < headerBytes && found.every((byte, index) => byte === header[index])) {
      await store.truncate(0);
      await store.append(header);
      return new CheckpointLog(store);
    }
    checkHeader(found, fingerprint, store.name);
    return new CheckpointLog(store);
  }

  /** All whole entries in order. Cuts off what follows the last one. */
  async *entries(): AsyncGenerator<CheckpointEntry> {
    const size = await this.#store.size();
    let at = headerBytes;
    while (at < size) {
      const found = await this.#readEntry(at, size);
      if (!found) {
        await this.#store.truncate(at);
        return;
      }
      yield found.entry;
      at = found.end;
    }
  }

  async append({ unit, source, results }: CheckpointEntry): Promise<void> {
    const parts = [...results].map(([target, bytes]) => [target, bytes.length] as const);
    const meta = new TextEncoder().encode(JSON.stringify({ unit, source, parts }));
    const payload = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
    const entry = new Uint8Array(entryHeadBytes + meta.length + payload);
    entry.set(meta, entryHeadBytes);
    let at = entryHeadBytes + meta.length;
    for (const bytes of results.values()) {
      entry.set(bytes, at);
      at += bytes.length;
    }
    const view = new DataView(entry.buffer);
    view.setUint32(0, meta.length, true);
    view.setUint32(4, crc32(entry.subarray(entryHeadBytes)), true);
    view.setBigUint64(8, BigInt(payload), true);
    await this.#store.append(entry);
  }

  async #readEntry(at: number, size: number): Promise<{ entry: CheckpointEntry; end: number } | undefined> {
    if (size - at < entryHeadBytes) return undefined;
    const head = await this.#store.read(at, entryHeadBytes);
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const metaBytes = view.getUint32(0, true);
    const bodyBytes = metaBytes + Number(view.getBigUint64(8, true));
    const end = at + entryHeadBytes + bodyBytes;
    if (end > size) return undefined;
    const body = await this.#store.read(at + entryHeadBytes, bodyBytes);
    if (crc32(body) !== view.getUint32(4, true)) return undefined;
    const entry = decodeBody(body, metaBytes);
    return entry && { entry, end };
  }
}

function encodeHeader(fingerprint: string): Uint8Array {
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  header.set(new TextEncoder().encode(magic));
  view.setUint32(magic.length, version, true);
  header.set(new TextEncoder().encode(fingerprint).subarray(0, fingerprintLength), magic.length + 4);
  view.setUint32(headerBytes - 4, crc32(header.subarray(0, headerBytes - 4)), true);
  return header;
}

function checkHeader(found: Uint8Array, fingerprint: string, name: string): void {
  const text = new TextDecoder();
  const isWhole =
    found.length === headerBytes &&
    text.decode(found.subarray(0, magic.length)) === magic &&
    new DataView(found.buffer, found.byteOffset).getUint32(headerBytes - 4, true) === crc32(found.subarray(0, -4));
  if (!isWhole) {
    throw new FormatError(`${name} is not a wgslim checkpoint.`, {
      hint: "Name another file, or delete this one.",
      details: { file: name },
    });
  }
  const wanted = encodeHeader(fingerprint);
  if (found.every((byte, index) => byte === wanted[index])) return;
  throw new UsageError(`${name} belongs to another run: other input, options or version.`, {
    hint: "Run with the same input and options, or delete the checkpoint.",
    details: { file: name },
  });
}

/** The checksum has passed, so a body that makes no sense was written by something else; it counts as torn. */
function decodeBody(body: Uint8Array, metaBytes: number): CheckpointEntry | undefined {
  let meta: unknown;
  try {
    meta = JSON.parse(new TextDecoder().decode(body.subarray(0, metaBytes)));
  } catch {
    return undefined;
  }
  if (!isMeta(meta)) return undefined;
  const results = new Map<string, Uint8Array>();
  let at = metaBytes;
  for (const [target, bytes] of meta.parts) {
    results.set(target, body.subarray(at, at + bytes));
    at += bytes;
  }
  return at === body.length ? { unit: meta.unit, source: meta.source, results } : undefined;
}

function isMeta(meta: unknown): meta is { unit: string; source: string; parts: [string, number][] } {
  if (typeof meta !== "object" || meta === null || !("unit" in meta && "source" in meta && "parts" in meta))
    return false;
  return (
    typeof meta.unit === "string" &&
    typeof meta.source === "string" &&
    Array.isArray(meta.parts) &&
    meta.parts.every(isPart)
  );
}

function isPart(part: unknown): boolean {
  return Array.isArray(part) && typeof part[0] === "string" && Number.isSafeInteger(part[1]) && part[1] >= 0;
}
