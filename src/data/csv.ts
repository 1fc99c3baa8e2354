// A CSV file as a data set: columns of numbers side by side are one field, a column of labels another. Held in memory
// as numbers; the text is read piece by piece.
import type { ByteSource } from "../base/bytes.ts";
import { FormatError, UsageError } from "../base/errors.ts";
import { readCsv } from "../formats/csv.ts";
import { lineFault } from "../formats/lines.ts";
import { Column, fromColumns, LabelColumn } from "./columns.ts";
import type { Dataset } from "./dataset.ts";

export interface CsvOptions {
  /** Whether the first record names the columns; default true. */
  readonly header?: boolean;
  /** The column that holds labels, by name or by number from 0 (negative: from the end). Words are numbered. */
  readonly labelColumn?: string | number;
  /** The classes by index, where the file may lack some; default: the words of the file, sorted. */
  readonly classNames?: readonly string[];
  /** Columns to leave out, by name or number. */
  readonly skip?: readonly (string | number)[];
  /** What to call the numbers of a row; default "input". */
  readonly field?: string;
  /** What to call the labels; default "label". */
  readonly labelField?: string;
  /** Shape of a row's numbers, such as [28, 28]; default: one axis. */
  readonly dims?: readonly number[];
  /** Default a comma. */
  readonly separator?: string;
  readonly signal?: AbortSignal;
}

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * Reads a CSV file.
 * @throws FormatError naming file and line where a record has another number of fields than the first, or a field is
 *   no number; UsageError where a column that is named is not there
 * @example await csvDataset(await fromFile("iris.csv"), { labelColumn: "species" })
 */
export async function csvDataset(source: ByteSource, options: CsvOptions = {}): Promise<Dataset> {
  const { header = true, field = "input", labelField = "label", separator, signal } = options;
  let columns: Columns | undefined;
  const values = new Column(field);
  const labels = new LabelColumn();
  const lines: number[] = [];
  for await (const { line, fields } of readCsv(source, separator, signal)) {
    if (!columns) {
      columns = chooseColumns(source.name, fields, options);
      if (header) continue;
    }
    const fail = (what: string): never => {
      throw lineFault(source.name, line, what, "Every record must have the same columns, with a number in each.");
    };
    if (fields.length !== columns.width) fail(`there are ${fields.length} fields, not ${columns.width}.`);
    const numbers = columns.numbers.map((at) => {
      const text = (fields[at] ?? "").trim();
      return number.test(text) ? Number(text) : fail(`field ${at + 1} is "${text.slice(0, 40)}", no number.`);
    });
    if (numbers.length > 0) values.push(columns.dims, numbers, fail);
    if (columns.label !== undefined) labels.push((fields[columns.label] ?? "").trim());
    lines.push(line);
  }
  if (!columns || lines.length === 0) {
    throw new FormatError(`${source.name}: there is no record in it.`, { details: { file: source.name } });
  }
  const used = columns.numbers.length > 0 ? [values] : [];
  if (columns.label === undefined) return fromColumns(source.name, lines.length, used);
  const found = labels.finish(options.classNames, (row, what) => {
    throw lineFault(source.name, lines[row] ?? 0, `the label ${what}`);
  });
  const column = new Column(labelField);
  for (const label of found.labels) column.push([], [label], neverFails);
  return fromColumns(source.name, lines.length, [...used, column], {
    labelField,
    ...(found.classNames && { classNames: found.classNames }),
  });
}

/** Labels were made finite integers of one shape. */
const neverFails = (what: string): never => {
  throw new FormatError(what);
};

interface Columns {
  readonly width: number;
  readonly label: number | undefined;
  /** The columns that hold a row's numbers. */
  readonly numbers: readonly number[];
  readonly dims: readonly number[];
}

function chooseColumns(file: string, first: readonly string[], options: CsvOptions): Columns {
  const { header = true, labelColumn, skip = [], dims } = options;
  const names = first.map((name) => name.trim());
  const at = (column: string | number): number => {
    const index =
      typeof column === "number" ? (column < 0 ? first.length + column : column) : header ? names.indexOf(column) : -1;
    if (Number.isInteger(index) && index >= 0 && index < first.length) return index;
    throw new UsageError(`${file}: there is no column ${JSON.stringify(column)} among the ${first.length}.`, {
      hint: header
        ? `The first record names ${names.slice(0, 20).join(", ")}.`
        : "Without a header, give columns by number.",
      details: { file },
    });
  };
  const label = labelColumn === undefined ? undefined : at(labelColumn);
  const left = new Set([...skip.map(at), ...(label === undefined ? [] : [label])]);
  const numbers = [...first.keys()].filter((index) => !left.has(index));
  if (dims && dims.reduce((product, dim) => product * dim, 1) !== numbers.length) {
    throw new UsageError(`${file}: ${numbers.length} columns of numbers can't have the shape [${dims.join(", ")}].`, {
      details: { file },
    });
  }
  return { width: first.length, label, numbers, dims: dims ?? [numbers.length] };
}
