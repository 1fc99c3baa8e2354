// The report as plain text for a terminal or a log: no colours, no cursor movement.
import { formatBytes } from "../base/size.ts";
import { visible } from "./escape.ts";
import {
  bytesWithData,
  formatCosine,
  formatDb,
  formatError,
  formatPercent,
  formatSeconds,
  groupSkipped,
  totalsOf,
  worstTensors,
} from "./numbers.ts";
import { formatTable } from "./table.ts";
import type { QuantizeReport } from "./types.ts";

export interface FormatReportOptions {
  /** Tensors listed; of more, the worst are shown. Default 40. */
  readonly maxRows?: number;
}

/** The whole report as text, without a final line break. */
export function formatReport(report: QuantizeReport, { maxRows = 40 }: FormatReportOptions = {}): string {
  const { input, output, plan, tensors, skipped, warnings } = report;
  const totals = totalsOf(report);
  const listed = tensors.length <= maxRows ? tensors : worstTensors(tensors, maxRows);
  const lines = [
    `${visible(input.path)}  ${formatBytes(bytesWithData(input))}`,
    `${visible(output.path)}  ${formatBytes(bytesWithData(output))}  (${formatPercent(totals.share)})`,
    `On ${visible(report.adapter)} in ${formatSeconds(report.seconds)}: ${plan.dispatches} dispatches in ${plan.submits} submits,` +
      ` peak ${formatBytes(plan.peakDeviceBytes)} on the device (lower bound ${formatBytes(plan.lowerBoundBytes)})`,
  ];
  if (tensors.length > 0) {
    lines.push(
      "",
      formatTable(
        ["weight", "op", "shape", "format", "before", "after", "SQNR dB", "max error", "cosine"],
        listed.map((tensor) => [
          tensor.name,
          tensor.op,
          tensor.shape.join("×"),
          tensor.format,
          formatBytes(tensor.bytesBefore),
          formatBytes(tensor.bytesAfter),
          formatDb(tensor.sqnrDb),
          formatError(tensor.maxAbsError),
          formatCosine(tensor.cosine),
        ]),
        48,
      ),
    );
    if (listed.length < tensors.length) lines.push(`… the ${listed.length} worst of ${tensors.length} weights`);
    lines.push("", `${totals.formats}: ${formatBytes(totals.packedBefore)} to ${formatBytes(totals.packedAfter)}`);
  }
  lines.push(...skippedLines(skipped, maxRows));
  if (warnings.length > 0) lines.push("", ...warnings.map((warning) => `Warning: ${visible(warning)}`));
  return lines.join("\n");
}

/** One paragraph a reason. */
function skippedLines(skipped: QuantizeReport["skipped"], maxRows: number): string[] {
  const byReason = groupSkipped(skipped);
  return [...byReason].flatMap(([reason, names]) => {
    const shown = names.slice(0, Math.max(3, Math.floor(maxRows / Math.max(1, byReason.size))));
    const more = names.length - shown.length;
    return [
      "",
      `Kept as float, ${visible(reason)}:`,
      `  ${shown.map(visible).join(", ")}${more > 0 ? ` and ${more} more` : ""}`,
    ];
  });
}
