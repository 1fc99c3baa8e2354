// `wgslim inspect`: what a model is made of. Reads structure only; with --stats it streams the weights once,
// on the CPU, so that no GPU runtime is loaded.
import { byteLengthOf, elementCount } from "../../base/dtypes.ts";
import { formatBytes } from "../../base/size.ts";
import { openOnnx } from "../../compress/open-model.ts";
import { readRows } from "../../compress/read-rows.ts";
import { findDType, onnxTypeName } from "../../formats/onnx/dtypes.ts";
import { forEachGraph } from "../../formats/onnx/graphs.ts";
import type { OnnxModel, OnnxTensor, ValueInfo } from "../../formats/onnx/ir.ts";
import { WeightStatistics, type WeightSummary } from "../../evaluate/weight-statistics.ts";
import { findWeights } from "../../model/weights.ts";
import { fromFile } from "../../node-files.ts";
import { sparkline } from "../../report/sparkline.ts";
import { formatTable } from "../../report/table.ts";

interface InspectFlags {
  readonly stats?: boolean;
  readonly all?: boolean;
  readonly json?: boolean;
}

const listed = 40;

export async function inspect(path: string, flags: InspectFlags, signal: AbortSignal): Promise<void> {
  const source = await fromFile(path);
  try {
    const { onnx } = await openOnnx(source, { signal });
    const { weights } = findWeights(onnx);
    const rows = await Promise.all(
      weights.map(async (weight) => {
        const { tensor } = weight.holder;
        return {
          name: weight.id,
          role: weight.role,
          operators: [...new Set(weight.uses.map((use) => use.node.opType))],
          dtype: onnxTypeName(weight.dataType).toLowerCase(),
          shape: weight.dims,
          bytes: tensorBytes(tensor),
          stats: flags.stats ? await statisticsOf(tensor, signal) : undefined,
        };
      }),
    );
    const report = {
      file: path,
      bytes: source.size,
      irVersion: onnx.irVersion,
      opsets: onnx.opsets,
      producer: [onnx.producerName, onnx.producerVersion].filter(Boolean).join(" "),
      inputs: onnx.graph.inputs.map(describeValue),
      outputs: onnx.graph.outputs.map(describeValue),
      operators: countOperators(onnx),
      constantBytes: constantBytes(onnx),
      weights: rows,
    };
    process.stdout.write(
      flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : `${inspectText(report, flags.all === true)}\n`,
    );
  } finally {
    await source.close?.();
  }
}

type Row = {
  readonly name: string;
  readonly role: string;
  readonly operators: readonly string[];
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly stats?: WeightSummary | undefined;
};

interface InspectReport {
  readonly file: string;
  readonly bytes: number;
  readonly irVersion: number;
  readonly opsets: OnnxModel["opsets"];
  readonly producer: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly operators: Readonly<Record<string, number>>;
  readonly constantBytes: number;
  readonly weights: readonly Row[];
}

function inspectText(report: InspectReport, all: boolean): string {
  const bySize = report.weights.toSorted((a, b) => b.bytes - a.bytes);
  const shown = all ? report.weights : bySize.slice(0, listed);
  const withStats = shown.some((row) => row.stats);
  const head = [
    "weight",
    "operators",
    "type",
    "shape",
    "bytes",
    ...(withStats ? ["min", "max", "mean", "std", "zeros", "non-finite", "histogram"] : []),
  ];
  const rows = shown.map((row) => {
    const plain = [row.name, row.operators.join(","), row.dtype, row.shape.join("x"), formatBytes(row.bytes)];
    if (!row.stats) return withStats ? [...plain, "", "", "", "", "", "", ""] : plain;
    const { min, max, mean, std, zeros, nonFinite, count, histogram } = row.stats;
    const share = `${((100 * zeros) / Math.max(1, count)).toFixed(1)} %`;
    return [...plain, short(min), short(max), short(mean), short(std), share, String(nonFinite), sparkline(histogram)];
  });
  const operators = Object.entries(report.operators).map(([name, count]) => `${name} x${count}`);
  const hidden = report.weights.length - shown.length;
  return [
    `${report.file}: ${formatBytes(report.bytes)}, IR version ${report.irVersion}${report.producer ? `, by ${report.producer}` : ""}`,
    `operator sets  ${report.opsets.map(({ domain, version }) => `${domain || "ai.onnx"} ${version}`).join(", ")}`,
    `inputs         ${report.inputs.join(", ")}`,
    `outputs        ${report.outputs.join(", ")}`,
    `operators      ${operators.join(", ")}`,
    `constants      ${formatBytes(report.constantBytes)}, of which weights ${formatBytes(report.weights.reduce((sum, row) => sum + row.bytes, 0))} in ${report.weights.length} tensors`,
    "",
    formatTable(head, rows),
    ...(hidden > 0 ? ["", `${hidden} smaller weights not shown; --all lists them.`] : []),
  ].join("\n");
}

const short = (value: number): string =>
  Math.abs(value) >= 0.001 || value === 0 ? value.toFixed(4) : value.toExponential(1);

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

const windowBytes = 4 * 2 ** 20;

async function statisticsOf(tensor: OnnxTensor, signal: AbortSignal): Promise<WeightSummary | undefined> {
  const dtype = findDType(tensor.dataType);
  if (dtype !== "f32" && dtype !== "f16" && dtype !== "bf16") return undefined;
  const total = tensorBytes(tensor);
  const statistics = new WeightStatistics(dtype);
  for (const pass of ["range", "histogram"] as const) {
    for (let offset = 0; offset < total; offset += windowBytes) {
      const bytes = new Uint8Array(Math.min(windowBytes, total - offset));
      await readRows(
        tensor,
        { kind: "read", source: tensor.name, offset, rowBytes: bytes.length, rows: 1, rowStride: 0 },
        bytes,
        signal,
      );
      statistics[pass](bytes);
    }
  }
  return statistics.summary();
}
