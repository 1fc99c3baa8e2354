// The report as Markdown: for a model card, a pull request or a CI summary.
import { formatBytes } from "../base/size.ts";
import { escapeMarkdown } from "./escape.ts";
import {
  formatCosine,
  formatDb,
  formatError,
  formatPercent,
  formatSeconds,
  groupSkipped,
  totalsOf,
} from "./numbers.ts";
import type { FileFacts, QuantizeReport, ReportExtras } from "./types.ts";

const dataRows = ({ dataFiles = [] }: FileFacts): readonly string[][] =>
  dataFiles.map(({ path, bytes }) => ["its data", escapeMarkdown(path), `${bytes} (${formatBytes(bytes)})`, ""]);

/** The whole report; every tensor is listed. Ends with a line break. */
export function markdownReport(report: QuantizeReport, { title }: Pick<ReportExtras, "title"> = {}): string {
  const { input, output, plan, tensors } = report;
  const totals = totalsOf(report);
  const lines = [
    `# ${escapeMarkdown(title ?? `${fileName(input.path)}, quantized`)}`,
    "",
    ...table(
      ["", "path", "bytes", "SHA-256"],
      [
        ["before", escapeMarkdown(input.path), `${input.bytes} (${formatBytes(input.bytes)})`, input.sha256],
        ...dataRows(input),
        [
          "after",
          escapeMarkdown(output.path),
          `${output.bytes} (${formatBytes(output.bytes)}, ${formatPercent(totals.share)})`,
          output.sha256,
        ],
        ...dataRows(output),
      ],
    ),
    "",
    `- Adapter: ${escapeMarkdown(report.adapter)}`,
    `- Time: ${formatSeconds(report.seconds)}, ${plan.dispatches} dispatches, ${plan.submits} submits`,
    `- Device memory: peak ${formatBytes(plan.peakDeviceBytes)}, lower bound ${formatBytes(plan.lowerBoundBytes)}`,
  ];
  if (totals.worst)
    lines.push(
      `- Weights: ${totals.formats}; lowest SQNR ${formatDb(totals.worst.sqnrDb)} dB in ${escapeMarkdown(totals.worst.name)}`,
    );
  if (report.warnings.length > 0) {
    lines.push("", "## Warnings", "", ...report.warnings.map((warning) => `- ${escapeMarkdown(warning)}`));
  }
  if (tensors.length > 0) {
    lines.push(
      "",
      "## Weights",
      "",
      ...table(
        ["weight", "op", "shape", "format", "before", "after", "SQNR dB", "max error", "cosine"],
        tensors.map((tensor) => [
          escapeMarkdown(tensor.name),
          escapeMarkdown(tensor.op),
          tensor.shape.join("×"),
          tensor.format,
          formatBytes(tensor.bytesBefore),
          formatBytes(tensor.bytesAfter),
          formatDb(tensor.sqnrDb),
          formatError(tensor.maxAbsError),
          formatCosine(tensor.cosine),
        ]),
      ),
    );
  }
  const skipped = groupSkipped(report.skipped);
  if (skipped.size > 0) {
    lines.push("", "## Kept as float", "");
    for (const [reason, names] of skipped)
      lines.push(`- ${escapeMarkdown(reason)}: ${names.map(escapeMarkdown).join(", ")}`);
  }
  return `${lines.join("\n")}\n`;
}

const fileName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);
