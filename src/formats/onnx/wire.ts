// Walks protobuf fields over a source of any size through one sliding window: payloads are skipped, not
// read, unless somebody asks for them. Every length is checked against the enclosing message before it
// is used, so nothing is ever allocated beyond what the file holds.
import type { ByteSource } from "../../base/bytes.ts";
import { FormatError, IoError, throwIfAborted, type ErrorDetails } from "../../base/errors.ts";
import { Wire } from "./schema.ts";

const windowBytes = 128 * 1024;

/** A buffered view of a source. Views it hands out stay valid; they pin their window, so keep copies. */
export class SourceWindow {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  readonly source: ByteSource;
  readonly signal: AbortSignal | undefined;

  constructor(source: ByteSource, signal?: AbortSignal) {
    this.source = source;
    this.signal = signal;
  }

  /** The bytes if they are in memory. */
  peek(offset: number, length: number): Uint8Array | undefined {
    const from = offset - this.#start;
    if (from < 0 || from + length > this.#bytes.length) return undefined;
    return this.#bytes.subarray(from, from + length);
  }

  /** The bytes, read together with what follows them. Ranges are inside the source: the caller checked. */
  async get(offset: number, length: number): Promise<Uint8Array> {
    const hit = this.peek(offset, length);
    if (hit) return hit;
    throwIfAborted(this.signal);
    const take = Math.max(length, Math.min(windowBytes, this.source.size - offset));
    const bytes = await this.source.read(offset, take, this.signal);
    if (bytes.length !== take) {
      throw new IoError(`${this.source.name}: ${take} bytes were asked for and ${bytes.length} came.`, {
        details: { file: this.source.name, offset },
      });
    }
    if (length > windowBytes) return bytes;
    this.#bytes = bytes;
    this.#start = offset;
    return bytes.subarray(0, length);
  }
}

/** Names the part of the file being read, for messages; `label` grows more exact as names become known. */
export interface Place {
  label: string;
}

export function malformed(file: string, place: Place, what: string, details: ErrorDetails = {}): FormatError {
  return new FormatError(`${file}: ${what} in ${place.label}.`, {
    hint: "The file is damaged or is not an ONNX model; fetch or export it again.",
    details: { file, in: place.label, ...details },
  });
}

/** Two halves of a 64-bit varint, and how many bytes it took; `size` 0 where it does not end in the view. */
export interface Varint {
  low: number;
  high: number;
  size: number;
}

/** Decodes a varint of at most 10 bytes at `at`; never reads past the view. */
export function decodeVarint(view: Uint8Array, at: number, into: Varint): Varint {
  into.low = 0;
  into.high = 0;
  into.size = 0;
  for (let i = 0, shift = 0; i < 10; i++, shift += 7) {
    const byte = view[at + i];
    if (byte === undefined) return into;
    const bits = byte & 0x7f;
    if (shift < 28) into.low |= bits << shift;
    else if (shift === 28) {
      into.low |= bits << 28;
      into.high = bits >>> 4;
    } else into.high |= bits << (shift - 32);
    if (byte < 0x80) {
      into.low >>>= 0;
      into.high >>>= 0;
      into.size = i + 1;
      return into;
    }
  }
  return into;
}

/** Where one field lies: its tag, its payload, and its number. */
export interface FieldPlace {
  readonly field: number;
  readonly fieldStart: number;
  readonly start: number;
  readonly length: number;
}

/** Steps through the fields of one message, [start, end) of the window's source. */
export class FieldCursor implements FieldPlace {
  field = 0;
  wireType = 0;
  /** Where the field's tag begins; its payload (after tag and length); and the payload's bytes. */
  fieldStart = 0;
  start = 0;
  length = 0;
  readonly #varint: Varint = { low: 0, high: 0, size: 0 };
  readonly #window: SourceWindow;
  readonly #end: number;
  readonly place: Place;
  #position: number;

  constructor(window: SourceWindow, start: number, length: number, place: Place) {
    this.#window = window;
    this.#position = start;
    this.#end = start + length;
    this.place = place;
  }

  get end(): number {
    return this.start + this.length;
  }

  /** The current field's place; the cursor itself moves on. */
  here(): FieldPlace {
    return { field: this.field, fieldStart: this.fieldStart, start: this.start, length: this.length };
  }

  fail(what: string, details?: ErrorDetails): FormatError {
    return malformed(this.#window.source.name, this.place, what, { offset: this.fieldStart, ...details });
  }

  /** Moves to the next field; false at the end of the message. */
  async next(): Promise<boolean> {
    const at = this.#position;
    if (at === this.#end) return false;
    this.fieldStart = at;
    const ahead = Math.min(20, this.#end - at);
    const view = this.#window.peek(at, ahead) ?? (await this.#window.get(at, ahead));
    const tag = decodeVarint(view, 0, this.#varint);
    if (tag.size === 0 || tag.high !== 0) throw this.fail("a broken field tag");
    const tagBytes = tag.size;
    this.field = tag.low >>> 3;
    this.wireType = tag.low & 7;
    if (this.field === 0) throw this.fail("a field numbered 0");
    this.start = at + tagBytes;
    this.length = this.#payloadLength(view, tagBytes);
    if (this.length > this.#end - this.start) {
      throw this.fail(`a field that claims ${this.length} bytes where ${this.#end - this.start} are left`);
    }
    this.#position = this.start + this.length;
    return true;
  }

  #payloadLength(view: Uint8Array, tagBytes: number): number {
    switch (this.wireType) {
      case Wire.fixed64:
        return 8;
      case Wire.fixed32:
        return 4;
      case Wire.varint:
      case Wire.bytes: {
        const { low, high, size } = decodeVarint(view, tagBytes, this.#varint);
        if (size === 0) throw this.fail("a number that does not end");
        if (this.wireType === Wire.varint) return size;
        this.start += size;
        return high * 2 ** 32 + low;
      }
      default:
        throw this.fail(`a field of wire type ${this.wireType}`);
    }
  }

  /** @throws FormatError unless the field has this wire type */
  expect(wireType: number): void {
    if (this.wireType !== wireType) throw this.fail(`field ${this.field} with wire type ${this.wireType}`);
  }

  /** The value of a varint field as a signed 64-bit number. */
  bigint(): bigint {
    this.expect(Wire.varint);
    return BigInt.asIntN(64, (BigInt(this.#varint.high) << 32n) | BigInt(this.#varint.low));
  }

  /** As `bigint`, for values that must be exact numbers. */
  integer(): number {
    this.expect(Wire.varint);
    const value = (this.#varint.high | 0) * 2 ** 32 + this.#varint.low;
    if (!Number.isSafeInteger(value)) throw this.fail(`the number ${this.bigint()}, beyond 2^53`);
    return value;
  }

  /** The payload. Copy it to keep it. */
  bytes(): Uint8Array | Promise<Uint8Array> {
    return this.#window.peek(this.start, this.length) ?? this.#window.get(this.start, this.length);
  }
}
