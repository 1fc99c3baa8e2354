// Writes zip archives, as far as .npz files need them: stored or deflated, below 4 GiB, without times, so that the
// same entries give the same bytes.
import { crc32 } from "../base/checksum.ts";
import { UnsupportedError, UsageError } from "../base/errors.ts";
import { deflate } from "./inflate.ts";

export interface ZipWriteOptions {
  /** Deflate entries; default false. */
  readonly compress?: boolean;
}

const maxBytes = 0xfffffffe;
/** 1980-01-01, the earliest that there is. */
const dosDate = 0x21;
/** Names are UTF-8. */
const flags = 0x800;

interface Written {
  readonly name: Uint8Array;
  readonly bytes: number;
  readonly crc: number;
  readonly data: Uint8Array;
  readonly method: 0 | 8;
}

/**
 * Makes an archive in memory.
 * @throws UsageError for a repeated or too long name; UnsupportedError beyond 4 GiB or 65534 entries
 */
export async function writeZip(
  entries: Iterable<readonly [name: string, bytes: Uint8Array]>,
  { compress = false }: ZipWriteOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const names = new Set<string>();
  const written: Written[] = [];
  for (const [name, bytes] of entries) {
    const encoded = new TextEncoder().encode(name);
    if (names.has(name) || encoded.length > 0xffff || name === "") {
      throw new UsageError(`"${name.slice(0, 80)}" can't be the name of one more entry of the archive.`);
    }
    names.add(name);
    const data = compress ? await deflate(bytes, "deflate-raw") : bytes;
    written.push({ name: encoded, bytes: bytes.length, crc: crc32(bytes), data, method: compress ? 8 : 0 });
  }
  const locals = written.reduce((sum, { name, data }) => sum + 30 + name.length + data.length, 0);
  const total = locals + written.reduce((sum, { name }) => sum + 46 + name.length, 0) + 22;
  if (total > maxBytes || written.length >= 0xffff || written.some(({ bytes }) => bytes > maxBytes)) {
    throw new UnsupportedError(`An archive of ${total} bytes and ${written.length} entries is too large to write.`, {
      hint: "Write the arrays to files of their own.",
    });
  }
  return assemble(written, locals, total);
}

function assemble(written: readonly Written[], locals: number, total: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  let at = 0;
  const u16 = (...values: readonly number[]): void => {
    for (const value of values) {
      view.setUint16(at, value, true);
      at += 2;
    }
  };
  const u32 = (...values: readonly number[]): void => {
    for (const value of values) {
      view.setUint32(at, value, true);
      at += 4;
    }
  };
  const put = (bytes: Uint8Array): void => {
    out.set(bytes, at);
    at += bytes.length;
  };
  /** The fields that a local header and a directory entry share. */
  const common = ({ name, bytes, crc, data, method }: Written): void => {
    u16(20, flags, method, 0, dosDate);
    u32(crc, data.length, bytes);
    u16(name.length, 0);
  };
  const offsets: number[] = [];
  for (const entry of written) {
    offsets.push(at);
    u32(0x04034b50);
    common(entry);
    put(entry.name);
    put(entry.data);
  }
  for (const [index, entry] of written.entries()) {
    u32(0x02014b50);
    u16(20);
    common(entry);
    u16(0, 0, 0); // comment, disk, internal attributes
    u32(0, offsets[index] ?? 0);
    put(entry.name);
  }
  const directoryBytes = at - locals;
  u32(0x06054b50);
  u16(0, 0, written.length, written.length);
  u32(directoryBytes, locals);
  u16(0);
  return out;
}
