// Tensors whose elements are protobuf varints (int32_data and its kin), as packed little-endian bytes.
// Long ones stay in the file: one streaming pass counts and checks the elements and notes where every
// 4096th begins; reads decode from there. So memory is bounded however many elements there are.
import type { ByteSource } from "../../base/bytes.ts";
import { FormatError } from "../../base/errors.ts";
import { checkRange } from "../sources/checks.ts";
import { decodeVarint, type Varint } from "./wire.ts";

/** Bytes per decoded element. */
export type VarintWidth = 1 | 2 | 4 | 8;

const stride = 4096;
const chunkBytes = 256 * 1024;

/** Whether a 64-bit value fits `width` bytes, read as signed or as unsigned. */
function fits({ low, high }: Varint, width: VarintWidth): boolean {
  if (width === 8) return true;
  const span = 2 ** (8 * width);
  if (high === 0) return low < span;
  return high === 0xffffffff && low >= 2 ** 32 - span / 2;
}

/** Writes one element; values were checked by `fits`. */
function store(out: Uint8Array, at: number, { low, high }: Varint, width: VarintWidth): void {
  for (let i = 0; i < Math.min(width, 4); i++) out[at + i] = low >>> (8 * i);
  if (width === 8) for (let i = 0; i < 4; i++) out[at + 4 + i] = high >>> (8 * i);
}

/**
 * Decodes all of `payload` into packed elements.
 * @throws FormatError naming `name` for a varint that does not end or a value too large for its element
 */
export function decodePacked(payload: Uint8Array, width: VarintWidth, name: string): Uint8Array {
  let count = 0;
  for (const byte of payload) if (byte < 0x80) count++;
  const out = new Uint8Array(count * width);
  const varint: Varint = { low: 0, high: 0, size: 0 };
  for (let at = 0, index = 0; at < payload.length; at += varint.size, index++) {
    decodeVarint(payload, at, varint);
    check(varint, width, index, name);
    store(out, index * width, varint, width);
  }
  return out;
}

function check(varint: Varint, width: VarintWidth, index: number, name: string): void {
  if (varint.size === 0) {
    throw new FormatError(`${name}: element ${index} is a number that does not end.`, { details: { tensor: name } });
  }
  if (fits(varint, width)) return;
  throw new FormatError(`${name}: element ${index} does not fit ${8 * width} bits.`, {
    hint: "The file is damaged; fetch or export it again.",
    details: { tensor: name, index },
  });
}

/** Calls `visit` with each varint of [offset, offset + length), and where it begins; false stops. */
async function scan(
  source: ByteSource,
  offset: number,
  length: number,
  visit: (varint: Varint, at: number) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const varint: Varint = { low: 0, high: 0, size: 0 };
  const end = offset + length;
  for (let base = offset; base < end;) {
    const chunk = await source.read(base, Math.min(chunkBytes, end - base), signal);
    // A varint has at most 10 bytes: one that begins before `stop` ends inside the chunk.
    const stop = base + chunk.length === end ? chunk.length : chunk.length - 9;
    let at = 0;
    while (at < stop) {
      decodeVarint(chunk, at, varint);
      if (!visit(varint, base + at)) return;
      if (varint.size === 0) throw new FormatError(`${source.name}: changed while it was read.`);
      at += varint.size;
    }
    base += at;
  }
}

/**
 * A source of packed little-endian elements over a range of packed varints, decoded on reading.
 * @throws FormatError as decodePacked, at once: the whole range is checked here
 */
export async function openVarints(
  base: ByteSource,
  offset: number,
  length: number,
  width: VarintWidth,
  name: string,
  signal?: AbortSignal,
): Promise<ByteSource> {
  const marks: number[] = [];
  let count = 0;
  await scan(
    base,
    offset,
    length,
    (varint, at) => {
      check(varint, width, count, name);
      if (count++ % stride === 0) marks.push(at);
      return true;
    },
    signal,
  );
  return {
    name,
    size: count * width,
    async read(from: number, bytes: number, readSignal?: AbortSignal): Promise<Uint8Array> {
      checkRange({ name, size: count * width }, from, bytes);
      const first = Math.floor(from / width);
      const end = Math.ceil((from + bytes) / width);
      const decoded = new Uint8Array((end - first) * width);
      const mark = Math.floor(first / stride);
      const start = marks[mark];
      if (bytes === 0 || start === undefined) return new Uint8Array(0);
      let index = mark * stride;
      await scan(
        base,
        start,
        offset + length - start,
        (varint) => {
          if (index >= first) store(decoded, (index - first) * width, varint, width);
          return ++index < end;
        },
        readSignal,
      );
      return decoded.subarray(from - first * width, from - first * width + bytes);
    },
  };
}
