// `wgslim quantize`.
import { UsageError } from "../../base/errors.ts";
import { openNodeBackend, quantizeFile } from "../../node-quantize.ts";
import { formatReport } from "../../report/terminal.ts";
import { writeReport } from "../report-file.ts";
import { parseBudget, parseChoice, parseNumber, parseRecipe, type RecipeFlags } from "../options.ts";
import { progressBar } from "../progress.ts";

interface QuantizeFlags extends RecipeFlags {
  readonly output: string;
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
  const recipe = parseRecipe(flags);
  const gate = {
    ...(flags.minSqnr === undefined ? {} : { minSqnrDb: parseNumber("--min-sqnr", flags.minSqnr) }),
    ...(flags.minCosine === undefined ? {} : { minCosine: parseNumber("--min-cosine", flags.minCosine, -1, 1) }),
  };
  const adapter = parseChoice("--adapter", flags.adapter, ["auto", "webgpu", "gpu.js", "cpu"] as const);
  if (flags.report !== undefined && !/\.(html|md|json)$/.test(flags.report)) {
    throw new UsageError(`--report takes a .html, .md or .json file, not "${flags.report}".`, {
      hint: "Example: --report report.html.",
    });
  }
  const quiet = flags.quiet === true || flags.json === true;
  const warn = (text: string): void => void process.stderr.write(`wgslim: warning: ${text}\n`);
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
