// The benchmark's table.
import { formatTable } from "../report/table.ts";
import type { BenchReport, BenchRow } from "./types.ts";

const figure = ({ value, unit }: BenchRow): string =>
  `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(3)} ${unit}`;

const spread = ({ spread: range }: BenchRow): string =>
  range ? `${range[0].toFixed(2)} to ${range[1].toFixed(2)}` : "";

/** The report as text, without a final line break. */
export function formatBench(report: BenchReport): string {
  const { version, machine, runs, rows, absent } = report;
  const table = formatTable(
    ["adapter", "benchmark", "median", "ratio", "spread", "against"],
    rows.map((row) => [
      row.adapter,
      row.name,
      figure(row),
      row.ratio?.toFixed(3) ?? "",
      spread(row),
      [row.against, row.note].filter((text) => text !== undefined).join("; "),
    ]),
    90,
  );
  const missing = absent.map((what) => `Not measured: ${what}`);
  return [
    `wgslim ${version}, ${machine}, medians of ${runs} runs. GB/s count f32 input. A ratio is speed against its peer, run in turn.`,
    "",
    table,
    ...(missing.length > 0 ? ["", ...missing] : []),
  ].join("\n");
}
