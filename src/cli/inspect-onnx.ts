// What an ONNX file is made of: graph, operators, weights.
import { byteLengthOf, elementCount } from "../base/dtypes.ts";
import { formatBytes } from "../base/size.ts";
import type { WeightSummary } from "../evaluate/weight-statistics.ts";
import { dataFilesOf } from "../compress/input-files.ts";
import type { OnnxFile } from "../compress/models.ts";
import { findDType, onnxTypeName } from "../formats/onnx/dtypes.ts";
import { forEachGraph } from "../formats/onnx/graphs.ts";
import type { OnnxModel, OnnxTensor, ValueInfo } from "../formats/onnx/ir.ts";
import { findWeights } from "../model/weights.ts";
import { formatTable } from "../report/table.ts";
import { statisticsCells, statisticsHead, statisticsOf } from "./weight-statistics.ts";

export interface InspectOptions {
  /** Reads the weights. */
  readonly stats: boolean;
  readonly signal: AbortSignal;
}

interface Row {
  readonly name: string;
  readonly role: string;
  readonly operators: readonly string[];
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly stats?: WeightSummary | undefined;
}

export interface OnnxInspection {
  readonly format: "onnx";
  readonly file: string;
  readonly bytes: number;
  /** Files of external data. */
  readonly dataFiles: readonly { readonly path: string; readonly bytes: number }[];
  readonly irVersion: number;
  readonly opsets: OnnxModel["opsets"];
  readonly producer: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly operators: Readonly<Record<string, number>>;
  readonly constantBytes: number;
  /** Float tensors that operators multiply with: what can be quantized. */
  readonly weights: readonly Row[];
  /** All other initializers. */
  readonly constants: readonly Row[];
}

export async function inspectOnnx(file: OnnxFile, { stats, signal }: InspectOptions): Promise<OnnxInspection> {
  const { source, onnx } = file;
  const weights: Row[] = [];
  const known = new Set<OnnxTensor>();
  for (const weight of findWeights(onnx).weights) {
    const { tensor } = weight.holder;
    known.add(tensor);
    const bytes = tensorBytes(tensor);
    weights.push({
      name: weight.id,
      role: weight.role,
      operators: [...new Set(weight.uses.map((use) => use.node.opType))],
      dtype: onnxTypeName(weight.storedType).toLowerCase(),
      shape: weight.dims,
      bytes,
      ...(stats ? { stats: await statisticsOf(tensor, findDType(tensor.dataType), bytes, signal) } : {}),
    });
  }
  return {
    format: "onnx",
    file: source.name,
    bytes: source.size,
    dataFiles: [...dataFilesOf(file)].map(([path, { size }]) => ({ path, bytes: size })),
    irVersion: onnx.irVersion,
    opsets: onnx.opsets,
    producer: [onnx.producerName, onnx.producerVersion].filter(Boolean).join(" "),
    inputs: onnx.graph.inputs.map(describeValue),
    outputs: onnx.graph.outputs.map(describeValue),
    operators: countOperators(onnx),
    constantBytes: constantBytes(onnx),
    weights,
    constants: await otherConstants(onnx, known, { stats, signal }),
  };
}

/** Initializers that are no weights: codes and scales of packed ones, biases, tables. */
async function otherConstants(
  model: OnnxModel,
  weights: ReadonlySet<OnnxTensor>,
  { stats, signal }: InspectOptions,
): Promise<Row[]> {
  const rows: { readonly row: Row; readonly tensor: OnnxTensor }[] = [];
  forEachGraph(model, ({ initializers, nodes }) => {
    const readers = new Map<string, Set<string>>();
    for (const { opType, inputs } of nodes) {
      for (const name of inputs) readers.set(name, (readers.get(name) ?? new Set()).add(opType));
    }
    for (const tensor of initializers) {
      if (weights.has(tensor)) continue;
      const { name, dataType, dims } = tensor;
      const operators = [...(readers.get(name) ?? [])];
      const dtype = onnxTypeName(dataType).toLowerCase();
      rows.push({ tensor, row: { name, role: "constant", operators, dtype, shape: dims, bytes: tensorBytes(tensor) } });
    }
  });
  if (!stats) return rows.map(({ row }) => row);
  const found: Row[] = [];
  for (const { row, tensor } of rows) {
    const summary = await statisticsOf(tensor, findDType(tensor.dataType), row.bytes, signal);
    found.push({ ...row, stats: summary });
  }
  return found;
}

/** @param listed most tensors to list, the largest first; undefined: all, weights in the file's order first */
export function onnxText(report: OnnxInspection, listed: number | undefined): string {
  const { weights } = report;
  const all = [...weights, ...report.constants];
  const shown = listed === undefined ? all : all.toSorted((a, b) => b.bytes - a.bytes).slice(0, listed);
  const withStats = shown.some((row) => row.stats);
  const head = ["tensor", "operators", "type", "shape", "bytes", ...(withStats ? statisticsHead : [])];
  const rows = shown.map((row) => [
    row.name,
    row.operators.join(","),
    row.dtype,
    row.shape.join("x"),
    formatBytes(row.bytes),
    ...(withStats ? statisticsCells(row.stats) : []),
  ]);
  const operators = Object.entries(report.operators).map(([name, count]) => `${name} x${count}`);
  const hidden = all.length - shown.length;
  const weightBytes = weights.reduce((sum, row) => sum + row.bytes, 0);
  const producer = report.producer ? `, by ${report.producer}` : "";
  return [
    `${report.file}: ONNX, ${formatBytes(report.bytes)}, IR version ${report.irVersion}${producer}`,
    ...report.dataFiles.map(({ path, bytes }) => `external data  ${path}, ${formatBytes(bytes)}`),
    `operator sets  ${report.opsets.map(({ domain, version }) => `${domain || "ai.onnx"} ${version}`).join(", ")}`,
    `inputs         ${report.inputs.join(", ")}`,
    `outputs        ${report.outputs.join(", ")}`,
    `operators      ${operators.join(", ")}`,
    `constants      ${formatBytes(report.constantBytes)}, of which float weights ${formatBytes(weightBytes)} in ${weights.length} tensors`,
    "",
    formatTable(head, rows),
    ...(hidden > 0 ? ["", `${hidden} smaller tensors not shown; --all lists them.`] : []),
  ].join("\n");
}

function describeValue(info: ValueInfo): string {
  const { tensor } = info;
  if (!tensor) return info.name;
  const dims = tensor.dims ? `[${tensor.dims.map((dim) => dim ?? "?").join(", ")}]` : "";
  return `${info.name} ${onnxTypeName(tensor.dataType).toLowerCase()}${dims}`;
}

function countOperators(model: OnnxModel): Record<string, number> {
  const counts = new Map<string, number>();
  forEachGraph(model, (graph) => {
    for (const { domain, opType } of graph.nodes) {
      const name = domain === "" || domain === "ai.onnx" ? opType : `${domain}.${opType}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  });
  return Object.fromEntries([...counts].toSorted((a, b) => b[1] - a[1]));
}

function constantBytes(model: OnnxModel): number {
  let total = 0;
  forEachGraph(model, (graph) => {
    for (const tensor of graph.initializers) total += tensorBytes(tensor);
    for (const { attributes } of graph.nodes) {
      for (const { value } of attributes) if (value.type === "tensor") total += tensorBytes(value.value);
    }
  });
  return total;
}

function tensorBytes(tensor: OnnxTensor): number {
  const dtype = findDType(tensor.dataType);
  return dtype ? byteLengthOf(dtype, elementCount(tensor.dims)) : 0;
}
