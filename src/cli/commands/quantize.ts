// `wgslim quantize`.
import { existsSync } from "node:fs";
import { AbortedError, DeviceLostError, UsageError } from "../../base/errors.ts";
import type { ErrorOptions } from "../../base/errors.ts";
import { formatBytes } from "../../base/size.ts";
import type { QualityGate } from "../../compress/run-compression.ts";
import { openNodeBackend, quantizeFile } from "../../node-quantize.ts";
import { presetNames, quantizePreset, type PresetReport } from "../../node-quantize-preset.ts";
import { printJson, printText, printWarning } from "../print.ts";
import { formatTable } from "../../report/table.ts";
import { formatReport } from "../../report/terminal.ts";
import { openReport } from "../report-file.ts";
import { parseBudget, parseChoice, parseNumber, parseRecipe, type RecipeFlags } from "../options.ts";
import { progressBar } from "../progress.ts";

export interface QuantizeFlags extends RecipeFlags {
  readonly output: string;
  readonly preset?: string;
  readonly force?: boolean;
  readonly minSqnr?: string;
  readonly minCosine?: string;
  readonly checkpoint?: string;
  readonly adapter: string;
  readonly memoryBudget?: string;
  readonly report?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export async function quantize(input: string, flags: QuantizeFlags, signal: AbortSignal): Promise<void> {
  try {
    await (flags.preset === undefined ? writeFile(input, flags, signal) : writePreset(input, flags, signal));
  } catch (error) {
    if (error instanceof AbortedError) throw new AbortedError(...whatIsLeft(flags, error));
    if (!(error instanceof DeviceLostError) || flags.checkpoint === undefined) throw error;
    const { message, details, cause } = error;
    throw new DeviceLostError(message, { hint: howToGoOn(flags.checkpoint), details, cause });
  }
}

/** What an interruption leaves, and how to go on. */
function whatIsLeft({ preset, output, checkpoint }: QuantizeFlags, cause: AbortedError): [string, ErrorOptions] {
  if (preset !== undefined) {
    return [
      `Interrupted. Files that were done stay in ${output}.`,
      { hint: "Run the same command with --force to make all of them anew.", cause },
    ];
  }
  const hint =
    checkpoint !== undefined && existsSync(checkpoint)
      ? howToGoOn(checkpoint)
      : "With --checkpoint FILE a run keeps finished work and can go on after an interruption.";
  return ["Interrupted. No output was written.", { hint, cause }];
}

const howToGoOn = (checkpoint: string): string =>
  `Finished work is in ${checkpoint}: run the same command again to go on from there.`;

async function writeFile(input: string, flags: QuantizeFlags, signal: AbortSignal): Promise<void> {
  const recipe = parseRecipe(flags);
  const gate = parseGate(flags);
  const adapter = parseAdapter(flags);
  const force = flags.force === true;
  const reportFile =
    flags.report === undefined ? undefined : await openReport(flags.report, { force, notSameAs: [input] });
  const quiet = flags.quiet === true || flags.json === true;
  const bar = progressBar(quiet);
  try {
    const report = await quantizeFile(input, flags.output, {
      ...recipe,
      gate,
      force,
      signal,
      backend: () => openNodeBackend({ adapter, ...parseBudget(flags.memoryBudget) }),
      onProgress: (progress) => bar.update(progress),
      onWarning: printWarning,
      ...(flags.checkpoint === undefined ? {} : { checkpoint: flags.checkpoint }),
      ...(flags.report === undefined ? {} : { report: flags.report }),
    });
    bar.stop();
    await reportFile?.write(report);
    // Warnings have gone to stderr as they came.
    if (flags.json) printJson(report);
    else if (!flags.quiet) printText(formatReport({ ...report, warnings: [] }));
  } finally {
    bar.stop();
    await reportFile?.discard();
  }
}

const adapters = ["auto", "webgpu", "gpu.js", "cpu"] as const;

export const parseAdapter = (flags: QuantizeFlags) => parseChoice("--adapter", flags.adapter, adapters);

export const parseGate = ({ minSqnr, minCosine }: QuantizeFlags): QualityGate => ({
  ...(minSqnr === undefined ? {} : { minSqnrDb: parseNumber("--min-sqnr", minSqnr) }),
  ...(minCosine === undefined ? {} : { minCosine: parseNumber("--min-cosine", minCosine, -1, 1) }),
});

async function writePreset(input: string, flags: QuantizeFlags, signal: AbortSignal): Promise<void> {
  const given = (["format", "block", "granularity", "search", "operator", "report", "checkpoint"] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (given !== undefined || flags.rule !== undefined) {
    throw new UsageError(`--preset chooses formats and names itself: --${given ?? "rule"} does not go with it.`, {
      hint: "Leave the option out, or run quantize once for each file.",
    });
  }
  const preset = parseChoice("--preset", flags.preset ?? "", presetNames);
  const adapter = parseAdapter(flags);
  const quiet = flags.quiet === true || flags.json === true;
  const bar = progressBar(quiet);
  try {
    const report = await quantizePreset(input, flags.output, {
      preset,
      gate: parseGate(flags),
      force: flags.force === true,
      signal,
      backend: () => openNodeBackend({ adapter, ...parseBudget(flags.memoryBudget) }),
      onProgress: (progress) => bar.update(progress),
      onWarning: printWarning,
    });
    bar.stop();
    if (flags.json) printJson(report);
    else if (!flags.quiet) printText(formatPreset(report));
  } finally {
    bar.stop();
  }
}

function formatPreset({ files, skipped }: PresetReport): string {
  const whole = files[0]?.bytes ?? 1;
  const rows = files.map(({ type, path, bytes, report }) => [
    type,
    path,
    formatBytes(bytes),
    `${((100 * bytes) / whole).toFixed(1)} %`,
    report ? String(report.tensors.length) : "",
  ]);
  const left = skipped.map(({ type, reason }) => `${type} is left out: ${reason}`);
  return [formatTable(["type", "file", "size", "of fp32", "tensors"], rows), ...left].join("\n");
}
