// Value ranges and histograms of weights, read on the CPU so that no GPU runtime is loaded.
import { WeightStatistics, type WeightSummary } from "../evaluate/weight-statistics.ts";
import { readRows } from "../compress/read-rows.ts";
import type { OnnxTensor } from "../formats/onnx/ir.ts";
import { sparkline } from "../report/sparkline.ts";

const windowBytes = 4 * 2 ** 20;
const decoded = ["f32", "f16", "bf16"] as const;

/** Reads the weight twice, through one window; undefined for types that hold no floats. */
export async function statisticsOf(
  tensor: OnnxTensor,
  type: string | undefined,
  bytes: number,
  signal: AbortSignal,
): Promise<WeightSummary | undefined> {
  const dtype = decoded.find((name) => name === type);
  if (!dtype) return undefined;
  const statistics = new WeightStatistics(dtype);
  const window = new Uint8Array(Math.min(windowBytes, bytes));
  for (const pass of ["range", "histogram"] as const) {
    for (let offset = 0; offset < bytes; offset += windowBytes) {
      const part = window.subarray(0, Math.min(windowBytes, bytes - offset));
      const ref = { source: tensor.name, offset, rowBytes: part.length, rows: 1, rowStride: 0 } as const;
      await readRows(tensor, { kind: "read", ...ref }, part, signal);
      statistics[pass](part);
    }
  }
  return statistics.summary();
}

export const statisticsHead: readonly string[] = ["min", "max", "mean", "std", "zeros", "non-finite", "histogram"];

export function statisticsCells(summary: WeightSummary | undefined): readonly string[] {
  if (!summary) return statisticsHead.map(() => "");
  const { min, max, mean, std, zeros, nonFinite, count, histogram } = summary;
  const share = `${((100 * zeros) / Math.max(1, count)).toFixed(1)} %`;
  return [short(min), short(max), short(mean), short(std), share, String(nonFinite), sparkline(histogram)];
}

function short(value: number): string {
  const size = Math.abs(value);
  return value === 0 || (size >= 0.001 && size < 1e5) ? value.toFixed(4) : value.toExponential(1);
}
