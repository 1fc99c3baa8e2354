// What all parts of the reader share: the window, the field budget, collection of unknown fields, text.
import type { ByteSource } from "../../base/bytes.ts";
import type { FormatError } from "../../base/errors.ts";
import { ExternalFiles } from "./external.ts";
import type { RawRange, UnknownField } from "./ir.ts";
import { Wire } from "./schema.ts";
import { FieldCursor, SourceWindow, malformed, type FieldPlace, type Place } from "./wire.ts";

/** Payloads up to this many bytes are loaded with the structure; longer ones stay ranges of the file. */
export const inlineBytes = 1024;

/**
 * Objects cost more memory than the two or three bytes that a hostile file needs for one. No known model
 * comes near this count: 50,000 nodes make about a million fields.
 */
const maxFields = 8_000_000;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ReadContext {
  readonly window: SourceWindow;
  readonly external: ExternalFiles;
  #fields = 0;

  constructor(source: ByteSource, signal: AbortSignal | undefined) {
    this.window = new SourceWindow(source, signal);
    this.external = new ExternalFiles(source);
  }

  get file(): string {
    return this.window.source.name;
  }

  cursor(start: number, length: number, place: Place): FieldCursor {
    return new FieldCursor(this.window, start, length, place);
  }

  /** Steps a cursor and counts the field. */
  next(cursor: FieldCursor): Promise<boolean> {
    this.count(1, cursor);
    return cursor.next();
  }

  /** @throws FormatError where the file holds more objects than any model, and so is hostile */
  count(objects: number, cursor: FieldCursor): void {
    this.#fields += objects;
    if (this.#fields <= maxFields) return;
    throw cursor.fail(`more than ${maxFields} fields, counted up to here`, { limit: maxFields });
  }

  range(start: number, length: number): RawRange {
    return { source: this.window.source, offset: start, length };
  }

  /** The field at the cursor: tag, length and payload. */
  wholeField(at: FieldPlace): RawRange {
    return this.range(at.fieldStart, at.start + at.length - at.fieldStart);
  }

  fail(place: Place, what: string, details?: Readonly<Record<string, string | number>>): FormatError {
    return malformed(this.file, place, what, details);
  }

  /** A copy of the field's payload. */
  async copy(cursor: FieldCursor): Promise<Uint8Array> {
    cursor.expect(Wire.bytes);
    return (await cursor.bytes()).slice();
  }

  /** The field's text, or undefined where it is not UTF-8. */
  async tryText(cursor: FieldCursor): Promise<string | undefined> {
    cursor.expect(Wire.bytes);
    const bytes = await cursor.bytes();
    try {
      return utf8.decode(bytes);
    } catch {
      return undefined;
    }
  }

  /** @throws FormatError where the text is not UTF-8: names must survive the way through a string */
  async text(cursor: FieldCursor): Promise<string> {
    const text = await this.tryText(cursor);
    if (text === undefined) throw cursor.fail(`a name (field ${cursor.field}) that is not UTF-8`);
    return text;
  }
}

/** Gathers uninterpreted fields of one message, runs of one number as one entry. */
export class UnknownCollector {
  readonly #runs: { field: number; start: number; end: number }[] = [];
  readonly #context: ReadContext;

  constructor(context: ReadContext) {
    this.#context = context;
  }

  add(cursor: FieldCursor): void {
    const last = this.#runs.at(-1);
    if (last && last.field === cursor.field && last.end === cursor.fieldStart) last.end = cursor.end;
    else this.#runs.push({ field: cursor.field, start: cursor.fieldStart, end: cursor.end });
  }

  /** `{ unknown }` to spread into the object, or nothing. */
  async collected(): Promise<{ unknown?: readonly UnknownField[] }> {
    if (this.#runs.length === 0) return {};
    const unknown: UnknownField[] = [];
    for (const { field, start, end } of this.#runs) {
      const length = end - start;
      const payload =
        length > inlineBytes
          ? this.#context.range(start, length)
          : (await this.#context.window.get(start, length)).slice();
      unknown.push({ field, payload });
    }
    return { unknown };
  }
}
