// Opens a data file by the end of its name.
import type { ByteSource } from "../base/bytes.ts";
import { UnsupportedError } from "../base/errors.ts";
import { idxDataset, npyDataset, npzDataset } from "./arrays.ts";
import { csvDataset, type CsvOptions } from "./csv.ts";
import type { Dataset } from "./dataset.ts";
import { jsonLinesDataset, type JsonLinesOptions } from "./json-lines.ts";

export interface OpenDatasetOptions {
  /** The array, key or column that holds labels. */
  readonly labels?: string;
  /** A file of labels beside one of pictures, for IDX. */
  readonly labelSource?: ByteSource;
  /** What to call the rows where the file does not say: .npy, IDX, CSV; default "input". */
  readonly field?: string;
  readonly csv?: CsvOptions;
  readonly jsonLines?: JsonLinesOptions;
  readonly signal?: AbortSignal;
}

/**
 * Opens .npy, .npz, .csv, .tsv, .jsonl, .ndjson, and IDX (.idx, -ubyte, also .gz).
 * @throws UnsupportedError for another name; otherwise as the format's reader does
 * @example await openDataset(await fromFile("t10k-images-idx3-ubyte.gz"), { labelSource })
 */
export async function openDataset(source: ByteSource, options: OpenDatasetOptions = {}): Promise<Dataset> {
  const { labels, labelSource, field, csv = {}, jsonLines = {}, signal } = options;
  const named = { ...(field !== undefined && { field }), ...(signal && { signal }) };
  const name = source.name.toLowerCase().replace(/[?#].*$/, "");
  if (name.endsWith(".npy")) return npyDataset(source, field, signal);
  if (name.endsWith(".npz"))
    return npzDataset(source, { ...(labels !== undefined && { labelField: labels }), ...(signal && { signal }) });
  if (/\.(?:csv|tsv)$/.test(name)) {
    const separator = name.endsWith(".tsv") ? "\t" : ",";
    return csvDataset(source, { separator, ...(labels !== undefined && { labelColumn: labels }), ...named, ...csv });
  }
  if (/\.(?:jsonl|ndjson)$/.test(name)) {
    return jsonLinesDataset(source, {
      ...(labels !== undefined && { labelField: labels }),
      ...(signal && { signal }),
      ...jsonLines,
    });
  }
  if (/(?:\.idx|[.-]ubyte)(?:\.gz)?$/.test(name))
    return idxDataset(source, { ...named, ...(labelSource && { labels: labelSource }) });
  throw new UnsupportedError(`${source.name}: this is no kind of data file that can be read.`, {
    hint: "Give .npy, .npz, .csv, .tsv, .jsonl, .ndjson or IDX, or a folder of pictures.",
    details: { file: source.name },
  });
}
