// `wgslim quantize --algorithm gptq|awq|smoothquant`: plain formats, weights quantized by what the layers' inputs make of them.
import { UsageError } from "../../base/errors.ts";
import { readStatistics, type Statistics } from "../../calibrate/statistics.ts";
import type { CalibratedLayer } from "../../compress/gptq.ts";
import type { ScaledChannels } from "../../compress/scale-channels.ts";
import type { Dataset } from "../../data/dataset.ts";
import { openDataset } from "../../data/open-dataset.ts";
import { fromFile } from "../../node-files.ts";
import { quantizeCalibratedFile, type CalibratedAlgorithm } from "../../node-quantize-calibrated.ts";
import { formatTable } from "../../report/table.ts";
import { formatReport } from "../../report/terminal.ts";
import { parseBudget, parseChoice, parseRecipe } from "../options.ts";
import { printJson, printNote, printText, printWarning } from "../print.ts";
import { progressBar } from "../progress.ts";
import { openReport } from "../report-file.ts";
import { parseGate } from "./quantize.ts";
import type { StaticFlags } from "./quantize-static.ts";

/** The command of one algorithm. It throws as `quantizeCalibratedFile`; UsageError for options that do not go with it. */
export const quantizeCalibrated =
  (algorithm: CalibratedAlgorithm) =>
  (input: string, flags: StaticFlags, signal: AbortSignal): Promise<void> =>
    quantizeBy(algorithm, input, flags, signal);

async function quantizeBy(
  algorithm: CalibratedAlgorithm,
  input: string,
  flags: StaticFlags,
  signal: AbortSignal,
): Promise<void> {
  const clash = (["preset", "activation", "qformat", "provider", "biasCorrection"] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (clash !== undefined) throw new UsageError(`--${clash} does not go with --algorithm ${algorithm}.`);
  if (flags.calibration === undefined) {
    throw new UsageError(`--algorithm ${algorithm} needs to see the layers' inputs.`, {
      hint: "Add --calibration FILE, with samples as the model takes them: .npz, .npy, JSON lines …",
    });
  }
  const file = flags.calibration;
  const recipe = parseRecipe(flags);
  const adapter = parseChoice("--adapter", flags.adapter, ["auto", "webgpu", "cpu"] as const);
  const force = flags.force === true;
  const reportFile =
    flags.report === undefined ? undefined : await openReport(flags.report, { force, notSameAs: [input, file] });
  const bar = progressBar(flags.quiet === true || flags.json === true);
  const source = await fromFile(file);
  try {
    const report = await quantizeCalibratedFile(input, flags.output, {
      ...recipe,
      algorithm,
      calibration: await openCalibration(source, file, signal),
      adapter: adapter === "cpu" ? "cpu" : "webgpu",
      gate: parseGate(flags),
      force,
      signal,
      ...parseBudget(flags.memoryBudget),
      onProgress: (progress) => bar.update(progress),
      onWarning: printWarning,
      onLayer: ({ name, reason }) => {
        if (reason !== undefined && !flags.json) printNote(`${name} is not quantized by GPTQ: ${reason}`);
      },
      onChannels: ({ input: name, reason }) => {
        if (reason !== undefined && !flags.json) printNote(`channels of ${name} stay as they are: ${reason}`);
      },
      ...(flags.checkpoint === undefined ? {} : { checkpoint: flags.checkpoint }),
      ...(flags.report === undefined ? {} : { report: flags.report }),
    });
    bar.stop();
    await reportFile?.write(report);
    if (flags.json) printJson(report);
    else if (!flags.quiet) {
      printText(formatReport({ ...report, warnings: [] }));
      printText(algorithm === "gptq" ? layersText(report.layers) : channelsText(report.channels));
    }
  } finally {
    bar.stop();
    await source.close?.();
    await reportFile?.discard();
  }
}

/** Statistics where the file holds them (channels alone: GPTQ then only weighs its scale searches), else samples. */
async function openCalibration(
  source: Awaited<ReturnType<typeof fromFile>>,
  file: string,
  signal: AbortSignal,
): Promise<Dataset | Statistics> {
  const head = new TextDecoder().decode(await source.read(0, Math.min(64, source.size)));
  if (!/^\s*\{\s*"version"/.test(head)) return await openDataset(source, { signal });
  return readStatistics(new TextDecoder().decode(await source.read(0, source.size)), file);
}

const digits = (value: number | undefined): string => (value === undefined ? "" : value.toExponential(2));

function layersText(layers: readonly CalibratedLayer[]): string {
  const rows = layers.map(({ name, algorithm, plainError, error, damping }) => [
    name,
    algorithm,
    digits(plainError),
    digits(error),
    error === undefined || !plainError ? "" : `${((100 * error) / plainError).toFixed(0)} %`,
    damping === undefined ? "" : String(damping),
  ]);
  return formatTable(["weight", "by", "plain error", "error", "of plain", "damping"], rows);
}

function channelsText(channels: readonly ScaledChannels[]): string {
  const rows = channels.map(({ input, strength, plainError, error, outliers }) => [
    input,
    strength === undefined ? "" : strength.toFixed(2),
    digits(plainError),
    digits(error),
    outliers === undefined ? "" : outliers.toFixed(1),
  ]);
  return formatTable(["activation", "strength", "plain error", "error", "largest / median channel"], rows);
}
