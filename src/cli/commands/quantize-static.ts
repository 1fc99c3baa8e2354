// `wgslim quantize --algorithm static`.
import { readFile } from "node:fs/promises";
import { IoError, UsageError } from "../../base/errors.ts";
import { providers } from "../../methods/static/operators.ts";
import { activationTypes } from "../../methods/static/parameters.ts";
import type { StaticOptions } from "../../methods/static/prepare.ts";
import { readRanges } from "../../methods/static/read-ranges.ts";
import { parseRule } from "../../methods/quantize/rules.ts";
import { openNodeBackend } from "../../node-quantize.ts";
import { quantizeStaticFile } from "../../node-quantize-static.ts";
import { formatReport } from "../../report/terminal.ts";
import { parseBudget, parseChoice, parseNumber } from "../options.ts";
import { printJson, printText, printWarning } from "../print.ts";
import { progressBar } from "../progress.ts";
import { openReport } from "../report-file.ts";
import { parseAdapter, parseGate, type QuantizeFlags } from "./quantize.ts";

export interface StaticFlags extends QuantizeFlags {
  readonly calibration?: string;
  readonly activation?: string;
  readonly qformat?: string;
  readonly provider?: string;
  readonly perChannel?: boolean;
  readonly biasCorrection?: boolean;
  readonly minActivationSqnr?: string;
}

const staticOptions = ({ activation, qformat, provider, perChannel }: StaticFlags): StaticOptions => ({
  ...(activation === undefined ? {} : { activation: parseChoice("--activation", activation, activationTypes) }),
  ...(qformat === undefined ? {} : { form: parseChoice("--qformat", qformat, ["qdq", "qoperator"] as const) }),
  ...(provider === undefined ? {} : { provider: parseChoice("--provider", provider, providers) }),
  ...(perChannel === undefined ? {} : { perChannel }),
});

/** @throws as `quantizeStaticFile`; UsageError for options that do not go with it */
export async function quantizeStatic(input: string, flags: StaticFlags, signal: AbortSignal): Promise<void> {
  const clash = (["format", "preset", "block", "granularity", "search", "operator", "keepFloat"] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (clash !== undefined) {
    throw new UsageError(`--${clash} does not go with --algorithm static.`, {
      hint: "Static models have 8-bit weights; --activation, --qformat and --no-per-channel shape them.",
    });
  }
  if (flags.calibration === undefined) {
    throw new UsageError("--algorithm static needs the ranges of activations.", { hint: "Add --calibration FILE." });
  }
  const file = flags.calibration;
  const options = staticOptions(flags);
  const rules = (flags.rule ?? []).map(parseRule);
  const adapter = parseAdapter(flags);
  const { minActivationSqnr: least } = flags;
  const minSqnrDb = least === undefined ? undefined : parseNumber("--min-activation-sqnr", least);
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new IoError(`${file} can't be read.`, { cause, hint: "Check the path.", details: { file } });
  });
  const force = flags.force === true;
  const reportFile =
    flags.report === undefined ? undefined : await openReport(flags.report, { force, notSameAs: [input, file] });
  const bar = progressBar(flags.quiet === true || flags.json === true);
  try {
    const report = await quantizeStaticFile(input, flags.output, {
      ...options,
      ranges: readRanges(text, file),
      rules,
      biasCorrection: flags.biasCorrection === true,
      ...(minSqnrDb === undefined ? {} : { minSqnrDb }),
      gate: parseGate(flags),
      force,
      signal,
      backend: () => openNodeBackend({ adapter, ...parseBudget(flags.memoryBudget) }),
      onProgress: (progress) => bar.update(progress),
      onWarning: printWarning,
      ...(flags.externalData === undefined ? {} : { externalDataFile: flags.externalData }),
      ...(flags.checkpoint === undefined ? {} : { checkpoint: flags.checkpoint }),
      ...(flags.report === undefined ? {} : { report: flags.report }),
    });
    bar.stop();
    await reportFile?.write(report);
    if (flags.json) printJson(report);
    else if (!flags.quiet) printText(formatReport({ ...report, warnings: [] }));
  } finally {
    bar.stop();
    await reportFile?.discard();
  }
}
