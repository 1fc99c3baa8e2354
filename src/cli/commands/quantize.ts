// `wgslim quantize`.
import { UsageError } from "../../base/errors.ts";
import { formatBytes } from "../../base/size.ts";
import type { QualityGate } from "../../compress/run-compression.ts";
import { openNodeBackend, quantizeFile } from "../../node-quantize.ts";
import { presetNames, quantizePreset, type PresetReport } from "../../node-quantize-preset.ts";
import { formatTable } from "../../report/table.ts";
import { formatReport } from "../../report/terminal.ts";
import { writeReport } from "../report-file.ts";
import { parseBudget, parseChoice, parseNumber, parseRecipe, type RecipeFlags } from "../options.ts";
import { progressBar } from "../progress.ts";

interface QuantizeFlags extends RecipeFlags {
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
  if (flags.preset !== undefined) return writePreset(input, flags, signal);
  const recipe = parseRecipe(flags);
  const gate = parseGate(flags);
  const adapter = parseAdapter(flags);
  if (flags.report !== undefined && !/\.(html|md|json)$/.test(flags.report)) {
    throw new UsageError(`--report takes a .html, .md or .json file, not "${flags.report}".`, {
      hint: "Example: --report report.html.",
    });
  }
  const quiet = flags.quiet === true || flags.json === true;
  const bar = progressBar(quiet);
  try {
    const report = await quantizeFile(input, flags.output, {
      ...recipe,
      gate,
      force: flags.force === true,
      signal,
      backend: () => openNodeBackend({ adapter, ...parseBudget(flags.memoryBudget) }),
      onProgress: (progress) => bar.update(progress),
      onWarning: warn,
      ...(flags.checkpoint === undefined ? {} : { checkpoint: flags.checkpoint }),
    });
    bar.stop();
    if (flags.report !== undefined) await writeReport(flags.report, report);
    if (flags.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    else if (!flags.quiet) process.stdout.write(`${formatReport(report)}\n`);
  } finally {
    bar.stop();
  }
}

const adapters = ["auto", "webgpu", "gpu.js", "cpu"] as const;

const parseAdapter = (flags: QuantizeFlags) => parseChoice("--adapter", flags.adapter, adapters);

const parseGate = ({ minSqnr, minCosine }: QuantizeFlags): QualityGate => ({
  ...(minSqnr === undefined ? {} : { minSqnrDb: parseNumber("--min-sqnr", minSqnr) }),
  ...(minCosine === undefined ? {} : { minCosine: parseNumber("--min-cosine", minCosine, -1, 1) }),
});

const warn = (text: string): void => void process.stderr.write(`wgslim: warning: ${text}\n`);

async function writePreset(input: string, flags: QuantizeFlags, signal: AbortSignal): Promise<void> {
  const given = (["format", "block", "granularity", "search", "operator", "report", "checkpoint"] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (given !== undefined || flags.rule.length > 0) {
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
      onWarning: warn,
    });
    bar.stop();
    if (flags.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    else if (!flags.quiet) process.stdout.write(`${formatPreset(report)}\n`);
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
