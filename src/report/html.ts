// The report as one HTML file that needs nothing else: charts inline, no scripts, no requests.
import { formatBytes } from "../base/size.ts";
import { histogramChart, legend, stackedBars, valueBars, type StackedRow } from "./charts.ts";
import { escapeHtml, shorten, visible } from "./escape.ts";
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
import { htmlPage, htmlTable, section, tiles, type Markup } from "./page.ts";
import type { QuantizeReport, ReportExtras, TensorReport } from "./types.ts";

/** Bars in one chart: more would not be read. */
const maxBars = 80;
const maxHistograms = 24;
/** Formats start at another colour than operators, so that one colour has one meaning. */
const formatColour = 3;

/**
 * The whole page. Every name in it is escaped.
 * @example await writeFile("report.html", htmlReport(report))
 */
export function htmlReport(report: QuantizeReport, extras: ReportExtras = {}): string {
  const title = extras.title ?? `${fileName(report.input.path)}, quantized`;
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="soft">${escapeHtml(`${report.input.path} → ${report.output.path}`)}</p>`,
    reportBody(report, extras),
    `<footer class="soft small">${escapeHtml(`Made by wgslim on ${report.adapter}`)}</footer>`,
  ];
  return htmlPage({ title, body: body.join("\n") });
}

/** The parts of the page below its heading, for pages that show several reports. */
export function reportBody(report: QuantizeReport, extras: ReportExtras = {}): Markup {
  const formats = [...new Set(report.tensors.map((tensor) => tensor.format))];
  return [
    summary(report),
    warnings(report),
    bytesChart(report),
    report.tensors.length === 0 ? "" : sqnrChart(report.tensors, formats),
    histograms(extras),
    report.tensors.length === 0 ? "" : tensorTable(report.tensors),
    skippedSection(report),
    runSection(report),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

const fileName = (path: string): string => path.split(/[/\\]/).at(-1) ?? path;

function summary(report: QuantizeReport): Markup {
  const totals = totalsOf(report);
  return tiles([
    { figure: formatBytes(bytesWithData(report.output)), label: `from ${formatBytes(bytesWithData(report.input))}` },
    { figure: formatPercent(totals.share), label: `of the size, ${(1 / totals.share).toFixed(2)}× smaller` },
    { figure: String(report.tensors.length), label: `weights packed: ${totals.formats || "none"}` },
    ...(totals.worst
      ? [
          {
            figure: `${formatDb(totals.worst.sqnrDb)} dB`,
            label: `lowest SQNR, ${shorten(visible(totals.worst.name), 40)}`,
          },
        ]
      : []),
    { figure: formatSeconds(report.seconds), label: `peak ${formatBytes(report.plan.peakDeviceBytes)} on the device` },
  ]);
}

function warnings({ warnings: list }: QuantizeReport): Markup {
  if (list.length === 0) return "";
  return section("Warnings", `<ul>${list.map((text) => `<li>${escapeHtml(text)}</li>`).join("")}</ul>`, "", "warn");
}

/** Bytes by operator, before and after, on one scale; what was not packed is grey. */
function bytesChart({ input, output, tensors }: QuantizeReport): Markup {
  const operators = [...new Set(tensors.map((tensor) => tensor.op))];
  const row = (label: string, file: number, bytesOf: (tensor: TensorReport) => number): StackedRow => {
    const packed = tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
    const segments = operators.map((op, category) => {
      const value = tensors.reduce((sum, tensor) => sum + (tensor.op === op ? bytesOf(tensor) : 0), 0);
      return { category, value, title: `${op} weights ${label.toLowerCase()}: ${formatBytes(value)}` };
    });
    const rest = Math.max(0, file - packed);
    return {
      label,
      total: formatBytes(file),
      segments: [...segments, { category: -1, value: rest, title: `rest of the file: ${formatBytes(rest)}` }],
    };
  };
  const chart = stackedBars([
    row("Before", bytesWithData(input), (tensor) => tensor.bytesBefore),
    row("After", bytesWithData(output), (tensor) => tensor.bytesAfter),
  ]);
  return section("Bytes in the file", legend(operators, "everything else") + chart);
}

function sqnrChart(tensors: readonly TensorReport[], formats: readonly string[]): Markup {
  const worst = new Set(worstTensors(tensors, maxBars));
  const shown = tensors.filter((tensor) => worst.has(tensor));
  const chart = valueBars(
    shown.map((tensor) => ({
      label: tensor.name,
      value: tensor.sqnrDb,
      text: formatDb(tensor.sqnrDb),
      category: formatColour + formats.indexOf(tensor.format),
    })),
    "dB",
  );
  const cut = shown.length < tensors.length ? ` The ${shown.length} lowest of ${tensors.length} are shown.` : "";
  const note = `Signal to quantization noise of each weight, in file order; 6 dB more is half the error.${cut}`;
  return section("SQNR by layer", legend(formats, undefined, formatColour) + chart, note);
}

function histograms({ histograms: pairs = [] }: ReportExtras): Markup {
  if (pairs.length === 0) return "";
  const figures = pairs
    .slice(0, maxHistograms)
    .map((pair) => `<figure>${histogramChart(pair)}<figcaption>${escapeHtml(pair.name)}</figcaption></figure>`);
  const cut = pairs.length > maxHistograms ? ` The first ${maxHistograms} of ${pairs.length}.` : "";
  return section(
    "Weight values",
    `<div class="small-charts">${figures.join("\n")}</div>`,
    `Line: before. Bars: after. Tall bars are cut.${cut}`,
  );
}

function tensorTable(tensors: readonly TensorReport[]): Markup {
  return section(
    "Weights",
    htmlTable(
      [
        { title: "weight", kind: "name" },
        { title: "op" },
        { title: "shape" },
        { title: "format" },
        { title: "before", kind: "number" },
        { title: "after", kind: "number" },
        { title: "SQNR dB", kind: "number" },
        { title: "max error", kind: "number" },
        { title: "cosine", kind: "number" },
      ],
      tensors.map((tensor) => [
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
    ),
  );
}

function skippedSection({ skipped }: QuantizeReport): Markup {
  if (skipped.length === 0) return "";
  const groups = [...groupSkipped(skipped)].map(
    ([reason, names]) =>
      `<li>${escapeHtml(reason)}: ${names.map((name) => `<code>${escapeHtml(name)}</code>`).join(", ")}</li>`,
  );
  return section(`Kept as float (${skipped.length})`, `<ul>${groups.join("")}</ul>`);
}

function runSection({ input, output, plan, adapter, seconds }: QuantizeReport): Markup {
  const ratio =
    plan.lowerBoundBytes > 0 ? ` (${(plan.peakDeviceBytes / plan.lowerBoundBytes).toFixed(2)} of the lower bound)` : "";
  return section(
    "Run",
    htmlTable(
      [{ title: "" }, { title: "", kind: "name" }],
      [
        ["adapter", adapter],
        ["device memory", `${formatBytes(plan.peakDeviceBytes)} at the peak${ratio}`],
        ["work", `${plan.dispatches} dispatches in ${plan.submits} submits, ${formatSeconds(seconds)}`],
        ["input SHA-256", input.sha256],
        ["output SHA-256", output.sha256],
      ],
    ),
  );
}
