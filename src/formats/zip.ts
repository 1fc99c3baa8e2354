// Zip archives, as far as .npz files need them: stored and deflated entries, zip64, no encryption, no split archives.
// The central directory alone says what there is; a local header is only asked how long it is. Every size is
// checked against the file before memory is taken, and entries may not overlap, which is how zip bombs reuse one
// piece of data many times. Spec: pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3 and 4.5.3.
import type { ByteSource } from "../base/bytes.ts";
import { crc32 } from "../base/checksum.ts";
import { FormatError, UnsupportedError, type ErrorDetails } from "../base/errors.ts";
import { inflate, mostInflated } from "./inflate.ts";

export interface ZipEntry {
  readonly name: string;
  readonly method: "stored" | "deflated";
  readonly crc: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** Where its local header begins. */
  readonly offset: number;
}

const endBytes = 22;
const maxComment = 65535;
const maxDirectoryBytes = 64 * 2 ** 20;
const missing32 = 0xffffffff;
const missing16 = 0xffff;

const fault = (file: string, what: string, details?: ErrorDetails): FormatError =>
  new FormatError(`${file}: ${what}`, {
    hint: "The archive is truncated, damaged or hostile; fetch or write it again.",
    details: { file, ...details },
  });

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Reads the list of entries, in the directory's order; folders are left out.
 * @throws FormatError for anything that is no sound archive; UnsupportedError for encryption or another compression
 */
export async function readZipDirectory(source: ByteSource, signal?: AbortSignal): Promise<readonly ZipEntry[]> {
  const { offset, bytes: length, entries: count } = await findDirectory(source, signal);
  if (length > maxDirectoryBytes) throw fault(source.name, `a directory of ${length} bytes is too long.`);
  const bytes = await source.read(offset, length, signal);
  const view = viewOf(bytes);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 46 > length || view.getUint32(at, true) !== 0x02014b50) {
      throw fault(source.name, `the directory breaks off at entry ${index} of ${count}.`);
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > length) throw fault(source.name, `the directory breaks off inside entry ${index} of ${count}.`);
    const extra = bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const entry = readEntry(source, view, at, bytes.subarray(at + 46, at + 46 + nameLength), extra);
    if (!entry.name.endsWith("/")) entries.push(entry);
    at = next;
  }
  if (at !== length) throw fault(source.name, `the directory has ${length - at} bytes more than its entries.`);
  checkEntries(source.name, entries, offset);
  return entries;
}

interface Directory {
  readonly offset: number;
  readonly bytes: number;
  readonly entries: number;
}

async function findDirectory(source: ByteSource, signal?: AbortSignal): Promise<Directory> {
  const { name, size } = source;
  const tailStart = Math.max(0, size - endBytes - maxComment);
  const tail = await source.read(tailStart, size - tailStart, signal);
  const view = viewOf(tail);
  let end = tail.length - endBytes;
  while (
    end >= 0 &&
    !(view.getUint32(end, true) === 0x06054b50 && end + endBytes + view.getUint16(end + 20, true) === tail.length)
  ) {
    end--;
  }
  if (end < 0) throw fault(name, "this is no zip archive, or its end is missing.");
  const small: Directory = {
    entries: view.getUint16(end + 10, true),
    bytes: view.getUint32(end + 12, true),
    offset: view.getUint32(end + 16, true),
  };
  const disks = [4, 6].map((field) => view.getUint16(end + field, true));
  if (disks.some((disk) => disk !== 0 && disk !== missing16)) {
    throw new UnsupportedError(`${name}: the archive is split over several files.`, { details: { file: name } });
  }
  const wide = small.entries === missing16 || small.bytes === missing32 || small.offset === missing32;
  const found = wide ? await findWideDirectory(source, tailStart + end, small, signal) : small;
  if (found.offset + found.bytes > tailStart + end) throw fault(name, "the directory lies beyond the archive's end.");
  return found;
}

/** Zip64: a record with wide sizes, found by a locator right before the end record. */
async function findWideDirectory(
  source: ByteSource,
  end: number,
  small: Directory,
  signal: AbortSignal | undefined,
): Promise<Directory> {
  if (end < 20) return small;
  const locator = viewOf(await source.read(end - 20, 20, signal));
  if (locator.getUint32(0, true) !== 0x07064b50) return small;
  const at = wideNumber(locator, 8, source.name);
  if (at + 56 > end) throw fault(source.name, "the zip64 record lies beyond the archive's end.");
  const record = viewOf(await source.read(at, 56, signal));
  if (record.getUint32(0, true) !== 0x06064b50) throw fault(source.name, "the zip64 record is missing.");
  const [entries, bytes, offset] = [32, 40, 48].map((field) => wideNumber(record, field, source.name)) as [
    number,
    number,
    number,
  ];
  return { entries, bytes, offset };
}

function wideNumber(view: DataView, at: number, name: string): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw fault(name, `${value} is no size of a file.`);
  return Number(value);
}

function readEntry(source: ByteSource, view: DataView, at: number, rawName: Uint8Array, extra: Uint8Array): ZipEntry {
  const flags = view.getUint16(at + 8, true);
  const name = entryName(rawName, (flags & 0x800) !== 0, source.name);
  const method = view.getUint16(at + 10, true);
  if ((flags & 1) !== 0 || (method !== 0 && method !== 8)) {
    const why = (flags & 1) !== 0 ? "encrypted" : `compressed by method ${method}`;
    throw new UnsupportedError(`${source.name}: entry "${name}" is ${why}.`, {
      hint: "Write the archive with numpy.savez or numpy.savez_compressed.",
      details: { file: source.name, entry: name },
    });
  }
  const sizes = {
    bytes: view.getUint32(at + 24, true),
    compressedBytes: view.getUint32(at + 20, true),
    offset: view.getUint32(at + 42, true),
  };
  const wide = wideSizes(sizes, extra, source.name, name);
  const entry: ZipEntry = {
    name,
    method: method === 0 ? "stored" : "deflated",
    crc: view.getUint32(at + 16, true),
    ...wide,
  };
  const most = method === 0 ? entry.compressedBytes : mostInflated(entry.compressedBytes);
  if (entry.bytes > most || (method === 0 && entry.bytes !== entry.compressedBytes)) {
    throw fault(source.name, `entry "${name}" can't hold ${entry.bytes} bytes in ${entry.compressedBytes}.`, {
      entry: name,
    });
  }
  return entry;
}

type Sizes = Pick<ZipEntry, "bytes" | "compressedBytes" | "offset">;

/** Fields of 32 bits that are all ones are found, in this order, in the extra field 1. */
function wideSizes(sizes: Sizes, extra: Uint8Array, file: string, name: string): Sizes {
  const wanted = (["bytes", "compressedBytes", "offset"] as const).filter((field) => sizes[field] === missing32);
  if (wanted.length === 0) return sizes;
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length;) {
    const length = view.getUint16(at + 2, true);
    if (at + 4 + length > extra.length) break;
    if (view.getUint16(at, true) === 1 && length >= 8 * wanted.length) {
      const found = wanted.map((field, index) => [field, wideNumber(view, at + 4 + 8 * index, file)] as const);
      return { ...sizes, ...Object.fromEntries(found) };
    }
    at += 4 + length;
  }
  throw fault(file, `entry "${name}" lacks its zip64 sizes.`, { entry: name });
}

function entryName(raw: Uint8Array, isUtf8: boolean, file: string): string {
  if (!isUtf8) return String.fromCharCode(...raw);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch (cause) {
    throw new FormatError(`${file}: an entry's name is no UTF-8.`, { details: { file }, cause });
  }
}

/** Names are unique; local header, name and data of each lie before the directory and outside the others. */
function checkEntries(file: string, entries: readonly ZipEntry[], directory: number): void {
  const names = new Set<string>();
  let end = 0;
  for (const { name, offset, compressedBytes } of entries.toSorted((a, b) => a.offset - b.offset)) {
    if (names.has(name)) throw fault(file, `entry "${name}" is there twice.`, { entry: name });
    names.add(name);
    if (offset < end) throw fault(file, `entry "${name}" overlaps another.`, { entry: name });
    end = offset + 30 + compressedBytes;
    if (end > directory) throw fault(file, `entry "${name}" lies beyond the archive's end.`, { entry: name });
  }
}

/**
 * Reads one entry and checks its CRC-32.
 * @throws FormatError where it is damaged or its size is another than the directory says
 */
export async function readZipEntry(source: ByteSource, entry: ZipEntry, signal?: AbortSignal): Promise<Uint8Array> {
  const { name, offset, compressedBytes, bytes, method, crc } = entry;
  const where = `${source.name}: entry "${name}"`;
  const header = viewOf(await source.read(offset, 30, signal));
  if (header.getUint32(0, true) !== 0x04034b50)
    throw fault(source.name, `entry "${name}" has no local header.`, { entry: name });
  const start = offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const raw = await source.read(start, compressedBytes, signal);
  const content =
    method === "stored" ? raw : await inflate(raw, "deflate-raw", { name: where, maxBytes: bytes, signal });
  if (content.length !== bytes) {
    throw fault(source.name, `entry "${name}" has ${content.length} bytes, not ${bytes}.`, { entry: name });
  }
  if (crc32(content) !== crc)
    throw fault(source.name, `entry "${name}" is damaged: its CRC-32 differs.`, { entry: name });
  return content;
}
