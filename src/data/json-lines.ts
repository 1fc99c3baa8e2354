// JSON lines as a data set: one object a line, whose values are numbers, nested lists of numbers, or words where they
// are labels. Held in memory as numbers; the text is read line by line.
import type { ByteSource } from "../base/bytes.ts";
import { FormatError, UsageError, WgslimError } from "../base/errors.ts";
import { arrayFromJson } from "../evaluate/given-inputs.ts";
import { lineFault, readLines } from "../formats/lines.ts";
import { Column, fromColumns, LabelColumn, type Padding } from "./columns.ts";
import type { Dataset } from "./dataset.ts";

export interface JsonLinesOptions {
  /** The key that holds labels, numbers or words; words are numbered. */
  readonly labelField?: string;
  /** The classes by index, where the file may lack some; default: the words of the file, sorted. */
  readonly classNames?: readonly string[];
  /** Keys to read; default: all of the first line. */
  readonly fields?: readonly string[];
  /** Keys whose lists may differ in length, such as tokens, and what fills them up. */
  readonly padding?: Readonly<Record<string, Padding>>;
  readonly signal?: AbortSignal;
}

const maxFields = 1024;

/**
 * Reads a JSON lines file; empty lines are skipped.
 * @throws FormatError naming file and line where a line is no object, lacks a key that the first has, or a value is
 *   ragged, of another shape than before, or no number; UsageError where the file does not have what is asked for
 * @example await jsonLinesDataset(await fromFile("text.jsonl"), { padding: { input_ids: { value: 0 } } })
 */
export async function jsonLinesDataset(source: ByteSource, options: JsonLinesOptions = {}): Promise<Dataset> {
  const { labelField, signal } = options;
  const labels = new LabelColumn();
  const lines: number[] = [];
  let columns: readonly Column[] | undefined;
  for await (const { number, text } of readLines(source, signal)) {
    if (text.trim() === "") continue;
    const fail = (what: string): never => {
      throw lineFault(source.name, number, what, 'Every line must be an object such as {"input": [1, 2], "label": 0}.');
    };
    const record = parseObject(text, fail);
    columns ??= openColumns(source.name, record, options, fail);
    const valueOf = (key: string): unknown =>
      record.has(key) ? record.get(key) : fail(`the key "${key}" is missing, which the first line has.`);
    for (const column of columns) {
      const { dims, data } = arrayOf(valueOf(column.name), column.name, fail);
      column.push(dims, data, fail);
    }
    if (labelField !== undefined) labels.push(wordOf(valueOf(labelField), labelField, fail));
    lines.push(number);
  }
  if (!columns) throw new FormatError(`${source.name}: there is no line in it.`, { details: { file: source.name } });
  if (labelField === undefined) return fromColumns(source.name, lines.length, columns);
  const found = labels.finish(options.classNames, (row, what) => {
    throw lineFault(source.name, lines[row] ?? 0, `the label ${what}`);
  });
  const column = new Column(labelField);
  for (const label of found.labels) column.push([], [label], (what) => failLabel(source.name, what));
  return fromColumns(source.name, lines.length, [...columns, column], {
    labelField,
    ...(found.classNames && { classNames: found.classNames }),
  });
}

function failLabel(file: string, what: string): never {
  throw new FormatError(`${file}: ${what}`, { details: { file } });
}

/** A map, so that no key ("__proto__") is special. */
function parseObject(text: string, fail: (what: string) => never): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    fail(`this is no JSON: ${error instanceof Error ? error.message.slice(0, 120) : "it can't be parsed"}.`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return fail("this is no JSON object.");
  return new Map(Object.entries(value));
}

function openColumns(
  file: string,
  record: ReadonlyMap<string, unknown>,
  { fields, labelField, padding = {} }: JsonLinesOptions,
  fail: (what: string) => never,
): readonly Column[] {
  const names = (fields ?? [...record.keys()]).filter((key) => key !== labelField);
  if (names.length > maxFields) fail(`there are ${names.length} keys, more than ${maxFields}.`);
  const unknown = Object.keys(padding).find((key) => !names.includes(key));
  if (unknown !== undefined) {
    throw new UsageError(`${file}: there is no key "${unknown}" to pad.`, { details: { file } });
  }
  return names.map((name) => new Column(name, Object.hasOwn(padding, name) ? padding[name] : undefined));
}

function arrayOf(
  value: unknown,
  key: string,
  fail: (what: string) => never,
): { dims: readonly number[]; data: number[] } {
  try {
    const { dims, data } = arrayFromJson(value, `"${key}"`);
    return { dims, data: Array.from(data, Number) };
  } catch (error) {
    if (error instanceof WgslimError) return fail(error.message);
    throw error;
  }
}

function wordOf(value: unknown, key: string, fail: (what: string) => never): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return String(value);
  return typeof value === "boolean" ? String(Number(value)) : fail(`the label "${key}" is no word and no class index.`);
}
