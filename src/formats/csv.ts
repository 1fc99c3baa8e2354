// Comma-separated values by RFC 4180: fields may stand in double quotes, and then hold separators, line breaks and
// quotes written twice. Lines without any character are skipped. Streams: one record is held at a time.
import type { ByteSource } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { lineFault, readLines } from "./lines.ts";

export interface CsvRecord {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

const maxFields = 2 ** 20;
const maxRecordCharacters = 2 ** 26;

/**
 * Yields every record. Line breaks inside quotes come out as LF.
 * @param separator one character; default a comma
 * @throws FormatError where a quote is unfinished or followed by more text, naming file and line
 */
export async function* readCsv(
  source: ByteSource,
  separator = ",",
  signal?: AbortSignal,
): AsyncGenerator<CsvRecord, void, undefined> {
  if (separator.length !== 1 || separator === '"' || separator === "\n" || separator === "\r") {
    throw new UsageError(`"${separator}" can't separate the fields of a CSV file.`);
  }
  let open: { line: number; fields: string[]; quoted: string[]; characters: number } | undefined;
  for await (const { number, text } of readLines(source, signal)) {
    if (!open && text === "") continue;
    const record: NonNullable<typeof open> = open ?? { line: number, fields: [], quoted: [], characters: 0 };
    record.characters += text.length + 1;
    if (record.characters > maxRecordCharacters) throw lineFault(source.name, record.line, "the record is too long.");
    const fail = (what: string): never => {
      throw lineFault(
        source.name,
        number,
        what,
        "Put fields with quotes in quotes, and write each quote in them twice.",
      );
    };
    const inQuotes = readFields(text, separator, record.fields, open ? record.quoted : undefined, fail);
    if (inQuotes) open = { ...record, quoted: inQuotes };
    else {
      open = undefined;
      yield { line: record.line, fields: record.fields };
    }
  }
  if (open) throw lineFault(source.name, open.line, "a quoted field does not end.");
}

/**
 * Reads the fields of one line into `fields`.
 * @param quoted the lines of a quoted field so far, where the line begins inside one
 * @returns the lines of a quoted field that goes on in the next line
 */
function readFields(
  text: string,
  separator: string,
  fields: string[],
  quoted: string[] | undefined,
  fail: (what: string) => never,
): string[] | undefined {
  let at = 0;
  let pending = quoted;
  for (;;) {
    if (pending || text[at] === '"') {
      const start = pending ? at : at + 1;
      const end = closingQuote(text, start);
      const piece = text.slice(start, end ?? text.length).replaceAll('""', '"');
      pending ??= [];
      pending.push(piece);
      if (end === undefined) return pending;
      fields.push(pending.join("\n"));
      pending = undefined;
      at = end + 1;
      if (at < text.length && text[at] !== separator) fail("text follows a quoted field.");
    } else {
      const found = text.indexOf(separator, at);
      const end = found < 0 ? text.length : found;
      const field = text.slice(at, end);
      if (field.includes('"')) fail("a quote stands inside a field that does not begin with one.");
      fields.push(field);
      at = end;
    }
    if (fields.length > maxFields) fail(`there are more than ${maxFields} fields.`);
    if (at >= text.length) return undefined;
    at++; // the separator; after one at the very end an empty field follows
  }
}

/** The next quote that is not one of two. */
function closingQuote(text: string, from: number): number | undefined {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text[at + 1] !== '"') return at;
  }
  return undefined;
}
