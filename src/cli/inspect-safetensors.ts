// What a safetensors model is made of: tensors, metadata, shards. Tensors that wgslim packed are listed as the one
// weight they stand for, by the metadata entry that describes them (compress/plan-safetensors.ts); an entry that
// does not fit the file is left aside and its tensors are listed as they are.
import { formatBytes } from "../base/size.ts";
import { dataFilesOf } from "../compress/input-files.ts";
import type { SafetensorsFile } from "../compress/models.ts";
import { asOnnxTensor } from "../compress/safetensors-weights.ts";
import type { WeightSummary } from "../evaluate/weight-statistics.ts";
import { dtypeOfSafe, type SafeTensor } from "../formats/safetensors/types.ts";
import { formatTable } from "../report/table.ts";
import type { InspectOptions } from "./inspect-onnx.ts";
import { statisticsCells, statisticsHead, statisticsOf } from "./weight-statistics.ts";

interface Row {
  readonly name: string;
  /** Of the weight before it was packed, where it is. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Of all parts together. */
  readonly bytes: number;
  /** How it is packed, and the tensors that hold it. */
  readonly packed?: { readonly encoding: string; readonly parts: readonly string[] };
  readonly stats?: WeightSummary | undefined;
}

export interface SafetensorsInspection {
  readonly format: "safetensors";
  readonly file: string;
  readonly bytes: number;
  /** Shards of an index. */
  readonly dataFiles: readonly { readonly path: string; readonly bytes: number }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensorBytes: number;
  readonly tensors: readonly Row[];
}

export async function inspectSafetensors(
  file: SafetensorsFile,
  { stats, signal }: InspectOptions,
): Promise<SafetensorsInspection> {
  const { source, safetensors } = file;
  const { packed, rest } = splitPacked(file);
  const rows = [...packed];
  for (const tensor of rest) {
    const bytes = bytesOf(tensor);
    const { name, dtype, shape } = tensor;
    const found = stats
      ? { stats: await statisticsOf(asOnnxTensor(tensor), dtypeOfSafe(dtype), bytes, signal) }
      : undefined;
    rows.push({ name, dtype: dtype.toLowerCase(), shape, bytes, ...found });
  }
  return {
    format: "safetensors",
    file: source.name,
    bytes: source.size,
    dataFiles: [...dataFilesOf(file).values()].map(({ name, size }) => ({ path: name, bytes: size })),
    metadata: Object.fromEntries(safetensors.metadata),
    tensorBytes: safetensors.tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0),
    tensors: rows.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

const bytesOf = ({ data }: SafeTensor): number => (data.kind === "range" ? data.range.length : 0);

function splitPacked({ safetensors }: SafetensorsFile): { packed: Row[]; rest: readonly SafeTensor[] } {
  const byName = new Map(safetensors.tensors.map((tensor) => [tensor.name, tensor]));
  const packed: Row[] = [];
  const used = new Set<string>();
  for (const [name, entry] of Object.entries(describedTensors(safetensors.metadata))) {
    const { dtype, shape, codes, scales, zeroPoints } = entry;
    const parts = [codes, scales, zeroPoints].filter((part) => part !== undefined);
    const tensors = parts.flatMap((part) => (typeof part === "string" ? (byName.get(part) ?? []) : []));
    if (typeof dtype !== "string" || !isShape(shape) || codes === undefined || tensors.length < parts.length) continue;
    packed.push({
      name,
      dtype: dtype.toLowerCase(),
      shape,
      bytes: tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0),
      packed: { encoding: describeEncoding(entry), parts: tensors.map((tensor) => tensor.name) },
    });
    for (const tensor of tensors) used.add(tensor.name);
  }
  return { packed, rest: safetensors.tensors.filter(({ name }) => !used.has(name)) };
}

type Entry = Readonly<Record<string, unknown>>;

const isEntry = (value: unknown): value is Entry => typeof value === "object" && value !== null;
const isShape = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

function describedTensors(metadata: SafetensorsFile["safetensors"]["metadata"]): Readonly<Record<string, Entry>> {
  const text = metadata.find(([key]) => key === "wgslim.tensors")?.[1];
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    const entries = isEntry(value) ? Object.entries(value) : [];
    return Object.fromEntries(entries.flatMap(([name, entry]) => (isEntry(entry) ? [[name, entry]] : [])));
  } catch {
    return {};
  }
}

/** "uint4 block 32 asymmetric", "nf4 block 64". */
function describeEncoding({ encoding, bits, signed, scheme, granularity, block }: Entry): string {
  const codes = encoding === "affine" ? `${signed === true ? "int" : "uint"}${String(bits)}` : String(encoding);
  const scale = granularity === "block" ? `block ${String(block)}` : `per ${String(granularity)}`;
  return [codes, scale, ...(typeof scheme === "string" ? [scheme] : [])].join(" ");
}

/** Longer values are cut: a recipe or a description of all tensors fills screens. */
const longestValue = 100;

/** @param listed most tensors to list, the largest first; undefined: all, by name */
export function safetensorsText(report: SafetensorsInspection, listed: number | undefined): string {
  const { tensors } = report;
  const shown = listed === undefined ? tensors : tensors.toSorted((a, b) => b.bytes - a.bytes).slice(0, listed);
  const withStats = shown.some((row) => row.stats);
  const withPacked = tensors.some((row) => row.packed);
  const head = ["tensor", "type", "shape", "bytes", ...(withPacked ? ["packed as"] : [])];
  const rows = shown.map((row) => [
    row.name,
    row.dtype,
    row.shape.join("x"),
    formatBytes(row.bytes),
    ...(withPacked ? [row.packed?.encoding ?? ""] : []),
    ...(withStats ? statisticsCells(row.stats) : []),
  ]);
  const hidden = tensors.length - shown.length;
  return [
    `${report.file}: safetensors, ${formatBytes(report.bytes)}`,
    ...report.dataFiles.map(({ path, bytes }) => `shard     ${path}, ${formatBytes(bytes)}`),
    ...Object.entries(report.metadata).map(
      ([key, value]) =>
        `metadata  ${key} = ${value.length > longestValue ? `${value.slice(0, longestValue)}…` : value}`,
    ),
    `tensors   ${formatBytes(report.tensorBytes)} in ${tensors.length}`,
    "",
    formatTable([...head, ...(withStats ? statisticsHead : [])], rows),
    ...(hidden > 0 ? ["", `${hidden} smaller tensors not shown; --all lists them.`] : []),
  ].join("\n");
}
