// `wgslim compare`.
import { QualityGateError, UsageError } from "../../base/errors.ts";
import { formatBytes } from "../../base/size.ts";
import type { OutputComparison } from "../../evaluate/compare.ts";
import { compareModels, type ModelComparison } from "../compare-models.ts";
import { parseNumber } from "../options.ts";
import { printJson, printText, printWarning } from "../print.ts";
import { formatTable } from "../../report/table.ts";

interface CompareFlags {
  readonly input?: readonly string[];
  readonly shape?: readonly string[];
  readonly dim?: readonly string[];
  readonly runs: string;
  readonly seed: string;
  readonly minCosine?: string;
  readonly json?: boolean;
}

export async function compare(pathA: string, pathB: string, flags: CompareFlags, signal?: AbortSignal): Promise<void> {
  const minCosine = flags.minCosine === undefined ? undefined : parseNumber("--min-cosine", flags.minCosine, -1, 1);
  const result = await compareModels(pathA, pathB, {
    files: Object.fromEntries(
      (flags.input ?? []).map((text) => splitPair("--input", text, "image=image.npy", "first")),
    ),
    shapes: Object.fromEntries((flags.shape ?? []).map((text) => parseShape(text))),
    dims: Object.fromEntries((flags.dim ?? []).map((text) => parseDim(text))),
    seed: parseNumber("--seed", flags.seed),
    runs: parseNumber("--runs", flags.runs, 1),
    ...(signal ? { signal } : {}),
  });
  if (flags.json) printJson(result);
  else printText(comparisonText(result));
  for (const warning of result.warnings) printWarning(warning);
  if (minCosine !== undefined) checkGate(result, minCosine);
}

/** NaN, a missing output and an output below the bound all miss the gate, and so do outputs that are all empty. */
function checkGate({ outputs, onlyInA }: ModelComparison, minCosine: number): void {
  const missed = outputs.filter((output) => !(output.cosine >= minCosine) || output.nonFiniteB > output.nonFiniteA);
  if (missed.length === 0 && onlyInA.length === 0 && outputs.some(({ count }) => count > 0)) return;
  const names = [...missed.map(({ name, cosine }) => `${name} (${cosine.toFixed(6)})`), ...onlyInA];
  throw new QualityGateError(`Cosine ${minCosine} is not reached by ${names.join(", ") || "any output"}.`, {
    hint: "Choose more bits, smaller blocks or a scale search, or lower --min-cosine.",
  });
}

/** Input names may hold "=", sizes may not, so shapes and dims split at the last one. */
export function splitPair(option: string, text: string, example: string, at: "first" | "last"): [string, string] {
  const split = at === "first" ? text.indexOf("=") : text.lastIndexOf("=");
  if (split > 0 && split < text.length - 1) return [text.slice(0, split), text.slice(split + 1)];
  throw new UsageError(`${option} takes name=value, not "${text}".`, { hint: `Example: ${option} ${example}.` });
}

export function parseDim(text: string): [string, number] {
  const [name, size] = splitPair("--dim", text, "batch=2", "last");
  return [name, parseSize("--dim", size)];
}

export function parseShape(text: string): [string, readonly number[]] {
  const [name, dims] = splitPair("--shape", text, "image=1,3,224,224", "last");
  return [name, dims.split(/[,x]/).map((size) => parseSize("--shape", size))];
}

function parseSize(option: string, text: string): number {
  if (/^\d{1,15}$/.test(text.trim())) return Number(text);
  throw new UsageError(`${option} takes whole sizes, not "${text}".`, { hint: "Example: 1,3,224,224." });
}

/** The comparison as text for a terminal. */
export function comparisonText(result: ModelComparison): string {
  const lines = [
    `A  ${result.a.path}  ${formatBytes(result.a.bytes)}`,
    `B  ${result.b.path}  ${formatBytes(result.b.bytes)} (${((100 * result.b.bytes) / result.a.bytes).toFixed(1)} % of A)`,
    `Inputs, seed ${result.seed}${result.runs > 1 ? `, ${result.runs} runs` : ""}:`,
    ...result.inputs.map(({ name, dtype, dims, content }) => `  ${name}  ${dtype} [${dims.join(", ")}]  ${content}`),
    "",
    formatTable(
      ["output", "shape", "max abs", "relative", "cosine", "SQNR dB"],
      result.outputs.map((output) => [
        output.name,
        `[${output.dims.join(",")}]`,
        output.maxAbsError.toExponential(2),
        output.relativeError.toExponential(2),
        output.cosine.toFixed(6),
        Number.isFinite(output.sqnrDb) ? output.sqnrDb.toFixed(1) : output.sqnrDb > 0 ? "exact" : "none",
      ]),
    ),
  ];
  const classifiers = result.outputs.flatMap(classRow);
  if (classifiers.length > 0) {
    lines.push(
      "",
      formatTable(["output", "classes", "rows", "KL (nats)", "max KL", "top-1 same", "top-5 holds"], classifiers),
    );
  }
  return lines.join("\n");
}

function classRow({ name, classes }: OutputComparison): string[][] {
  if (!classes) return [];
  return [
    [
      name,
      `${classes.classes} ${classes.kind}`,
      String(classes.rows),
      classes.klDivergence.toExponential(2),
      classes.maxKlDivergence.toExponential(2),
      `${(100 * classes.top1Agreement).toFixed(1)} %`,
      classes.top5Agreement === undefined ? "-" : `${(100 * classes.top5Agreement).toFixed(1)} %`,
    ],
  ];
}
