// Shows the result of the demonstration: as text for the terminal and as an HTML page.
import { formatBytes } from "../../src/base/size.ts";
import { escapeHtml, visible } from "../../src/report/escape.ts";
import { reportBody } from "../../src/report/html.ts";
import { formatCosine, formatPercent } from "../../src/report/numbers.ts";
import { htmlPage, htmlTable, section, tiles, type Markup } from "../../src/report/page.ts";
import { formatTable } from "../../src/report/table.ts";
import type { DemoModel, DemoResult } from "./demo.ts";
import { editDistance } from "./score.ts";

/** Indices of the lines that tell most: those that most models got wrong first, else in order. */
export function tellingLines({ lines, models }: DemoResult, count: number): readonly number[] {
  const errors = lines.map(({ text }, index) => models.filter((model) => model.read[index] !== text).length);
  return lines
    .map((_, index) => index)
    .toSorted((a, b) => (errors[b] ?? 0) - (errors[a] ?? 0) || a - b)
    .slice(0, count);
}

const columns = ["model", "bytes", "of the original", "character errors", "lines read right", "cosine"];

function rowOf(model: DemoModel, original: DemoModel | undefined): string[] {
  return [
    model.label,
    formatBytes(model.bytes),
    formatPercent(model.bytes / (original?.bytes ?? model.bytes)),
    `${(100 * model.characterErrorRate).toFixed(2)} %`,
    formatPercent(model.lineAccuracy),
    formatCosine(model.cosine),
  ];
}

/** What each model read of a few lines, and the table of all. */
export function demoText(result: DemoResult, shown = 4): string {
  const { lines, models } = result;
  const width = Math.max("on paper".length, ...models.map((model) => model.label.length));
  const examples: string[] = [];
  for (const index of tellingLines(result, shown)) {
    const truth = lines[index]?.text ?? "";
    examples.push(`  ${"on paper".padEnd(width)}  ${truth}`);
    for (const { label, read } of models) {
      const text = visible(read[index] ?? "");
      const wrong = editDistance(truth, text);
      const note = wrong === 0 ? "" : `   (${wrong} ${wrong === 1 ? "character" : "characters"} wrong)`;
      examples.push(`  ${label.padEnd(width)}  ${text || "(nothing)"}${note}`);
    }
    examples.push("");
  }
  const table = formatTable(
    columns,
    models.map((model) => rowOf(model, models[0])),
  );
  return [...examples, table].join("\n");
}

/** The page: table, pictures with what each model read, and each copy's full report. */
export function demoPage(result: DemoResult): string {
  const { lines, models, noise, seed } = result;
  const [original, ...copies] = models;
  const title = "A text reader, shrunk by wgslim";
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="soft">PP-OCRv4's recogniser reads ${lines.length} rendered lines (noise ±${noise}, seed ${seed}) as it was and after quantization.</p>`,
    tiles(
      models.map((model) => ({
        figure: formatBytes(model.bytes),
        label: `${model.label}: ${formatPercent(model.bytes / (original?.bytes ?? model.bytes))} of the size, ${formatPercent(model.lineAccuracy)} of the lines read right`,
      })),
    ),
    section(
      "Models",
      htmlTable(
        numberColumns,
        models.map((model) => rowOf(model, original)),
      ),
    ),
    section(
      "What each one read",
      readings(result),
      "The lines that most models got wrong come first. Marked: what is wrong, or struck out where it is missing.",
    ),
    ...copies.flatMap((model) =>
      model.report
        ? [
            `<details open><summary>${escapeHtml(model.label)}, layer by layer</summary>`,
            reportBody(model.report),
            "</details>",
          ]
        : [],
    ),
  ];
  return htmlPage({ title, body: body.join("\n") });
}

const numberColumns = columns.map((title, index) => (index === 0 ? { title } : { title, kind: "number" as const }));

const nothing: Markup = '<span class="soft">nothing</span>';

function readings(result: DemoResult): Markup {
  const { lines, models } = result;
  const telling = tellingLines(result, Math.min(8, lines.length));
  const rest = lines.map((_, index) => index).filter((index) => !telling.includes(index));
  const cards = [...telling, ...rest.slice(0, 4)].flatMap((index) => {
    const line = lines[index];
    if (!line) return [];
    const rows = models.map((model) => {
      const read = model.read[index] ?? "";
      const right = read === line.text;
      const mark = `<span class="${right ? "good" : "bad"}">${right ? "✓" : "✗"}</span>`;
      const words = read === "" ? nothing : withFaults(line.text, read);
      return `<tr><td>${escapeHtml(model.label)}</td><td class="name mono">${mark} ${words}</td></tr>`;
    });
    const picture = `<img alt="${escapeHtml(line.text)}" src="data:image/png;base64,${Buffer.from(line.png).toString("base64")}">`;
    return [`<div>${picture}<table>${rows.join("")}</table></div>`];
  });
  return `<div class="pairs">${cards.join("\n")}</div>`;
}

/** The reading with what differs from the truth marked: all between the first and the last difference. */
function withFaults(truth: string, read: string): Markup {
  const [wanted, got] = [Array.from(truth), Array.from(read)];
  const shorter = Math.min(wanted.length, got.length);
  let head = 0;
  while (head < shorter && wanted[head] === got[head]) head++;
  let tail = 0;
  while (tail < shorter - head && wanted.at(-1 - tail) === got.at(-1 - tail)) tail++;
  const middle = (letters: readonly string[]): string => letters.slice(head, letters.length - tail).join("");
  const [missing, wrong] = [middle(wanted), middle(got)];
  const fault = wrong === "" ? `<del>${shown(missing)}</del>` : `<mark>${shown(wrong)}</mark>`;
  const [before, after] = [got.slice(0, head), got.slice(got.length - tail)].map((part) => escapeHtml(part.join("")));
  return missing === "" && wrong === "" ? escapeHtml(read) : `${before}${fault}${after}`;
}

/** Spaces are seen. */
const shown = (text: string): Markup => escapeHtml(text.replaceAll(" ", "␣"));
