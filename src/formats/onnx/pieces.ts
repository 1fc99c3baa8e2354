// Output as a list of pieces whose lengths are known before any payload is: bytes made here, ranges to
// copy from a source, and placeholders for bytes that a run will deliver.
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { InternalError } from "../../base/errors.ts";
import type { RawRange, UnknownField } from "./ir.ts";
import { Wire } from "./schema.ts";

export type Piece =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "copy"; readonly range: RawRange }
  | { readonly kind: "pending"; readonly key: string; readonly length: number };

/** A piece at its place in a file. */
export type Segment = Piece & { readonly offset: number };

export const pieceLength = (piece: Piece): number =>
  piece.kind === "bytes" ? piece.bytes.length : piece.kind === "copy" ? piece.range.length : piece.length;

/** A message or file under construction. Scalar fields go through a protobuf writer, big payloads do not. */
export class Pieces {
  readonly #list: Piece[] = [];
  #length = 0;
  #writer = new BinaryWriter();
  #dirty = false;

  /** A scalar of 32 bits. */
  float(field: number, value: number): void {
    this.#scalars().tag(field, Wire.fixed32).float(value);
  }

  text(field: number, text: string): void {
    this.#scalars().tag(field, Wire.bytes).string(text);
  }

  int(field: number, value: number | bigint): void {
    this.#scalars().tag(field, Wire.varint).int64(value);
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.header(field, bytes.length);
    this.push({ kind: "bytes", bytes });
  }

  /** Tag and length of a payload that follows. */
  header(field: number, length: number): void {
    this.#scalars().tag(field, Wire.bytes).uint64(length);
  }

  message(field: number, content: Pieces): void {
    this.header(field, content.length);
    this.append(content);
  }

  unknown(fields: readonly UnknownField[] | undefined): void {
    for (const { payload } of fields ?? []) this.raw(payload);
  }

  /** Bytes that already are whole fields. */
  raw(payload: Uint8Array | RawRange): void {
    this.push(payload instanceof Uint8Array ? { kind: "bytes", bytes: payload } : { kind: "copy", range: payload });
  }

  push(piece: Piece): void {
    this.#flush();
    this.#add(piece);
  }

  append(other: Pieces): void {
    this.#flush();
    for (const piece of other.finish()) this.#add(piece);
  }

  get length(): number {
    this.#flush();
    return this.#length;
  }

  finish(): readonly Piece[] {
    this.#flush();
    return this.#list;
  }

  /** Private, so that declarations of the package need none of the writer's. */
  #scalars(): BinaryWriter {
    this.#dirty = true;
    return this.#writer;
  }

  #flush(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#add({ kind: "bytes", bytes: this.#writer.finish() });
    this.#writer = new BinaryWriter();
  }

  /** Ranges that continue each other become one. */
  #add(piece: Piece): void {
    const length = pieceLength(piece);
    if (length === 0 && piece.kind !== "pending") return;
    this.#length += length;
    if (!Number.isSafeInteger(this.#length)) throw new InternalError("A file of more than 2^53 bytes was laid out.");
    const last = this.#list.at(-1);
    if (piece.kind === "copy" && last?.kind === "copy") {
      const { source, offset, length: before } = last.range;
      if (source === piece.range.source && offset + before === piece.range.offset) {
        this.#list[this.#list.length - 1] = { kind: "copy", range: { source, offset, length: before + length } };
        return;
      }
    }
    this.#list.push(piece);
  }
}

const joinBytes = 64 * 1024;

/** Pieces at their offsets; runs of small byte pieces are joined. */
export function toSegments(pieces: readonly Piece[]): readonly Segment[] {
  const segments: Segment[] = [];
  let offset = 0;
  let run: Uint8Array[] = [];
  let runLength = 0;
  const flush = (): void => {
    const first = run[0];
    if (!first) return;
    const bytes = run.length === 1 ? first : new Uint8Array(runLength);
    if (run.length > 1) {
      let at = 0;
      for (const part of run) {
        bytes.set(part, at);
        at += part.length;
      }
    }
    segments.push({ kind: "bytes", bytes, offset });
    offset += runLength;
    run = [];
    runLength = 0;
  };
  for (const piece of pieces) {
    if (piece.kind === "bytes" && runLength + piece.bytes.length <= joinBytes) {
      run.push(piece.bytes);
      runLength += piece.bytes.length;
      continue;
    }
    flush();
    segments.push({ ...piece, offset });
    offset += pieceLength(piece);
  }
  flush();
  return segments;
}
