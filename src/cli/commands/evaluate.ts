// `wgslim evaluate`: a model's quality on data, and whether it differs from the original's by more than chance.
import { UsageError } from "../../base/errors.ts";
import { openOnnx } from "../../compress/open-model.ts";
import { evaluationTasks, type EvaluationTask, type TaskOptions } from "../../evaluate/evaluate-outputs.ts";
import { evaluateFile } from "../../node-evaluate.ts";
import { fromFile, toFile } from "../../node-files.ts";
import { evaluationPage, evaluationSubject, evaluationTables, type EvaluationFacts } from "../../report/evaluation.ts";
import { formatTable } from "../../report/table.ts";
import { openEvaluationData, type DataFlags } from "../evaluation-data.ts";
import { parseChoice, parseNumber } from "../options.ts";
import { printJson, printNote, printText, printWarning } from "../print.ts";
import { sampleBar } from "../progress.ts";
import { splitPair } from "./compare.ts";

export interface EvaluateFlags extends DataFlags {
  readonly task: string;
  readonly against?: string;
  readonly input?: readonly string[];
  readonly value?: string;
  readonly batch?: string;
  readonly limit?: string;
  readonly seed: string;
  readonly ignore?: string;
  readonly bytesPerToken?: string;
  readonly adapter: string;
  readonly report?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export async function evaluateCommand(path: string, flags: EvaluateFlags, signal: AbortSignal): Promise<void> {
  const task = parseChoice("--task", flags.task, evaluationTasks);
  if (flags.report !== undefined && !flags.report.endsWith(".html")) {
    throw new UsageError(`--report takes a .html file, not "${flags.report}".`, {
      hint: "Example: --report report.html.",
    });
  }
  const numbers = numbersOf(flags);
  const notSameAs = [path, flags.data, flags.against, flags.labels].filter((each) => each !== undefined);
  // The name is tried before the work.
  const sink =
    flags.report === undefined ? undefined : await toFile(flags.report, { force: flags.force === true, notSameAs });
  try {
    const facts = await measured(path, task, flags, numbers, signal);
    if (sink) {
      const bytes = new TextEncoder().encode(evaluationPage(facts));
      await sink.allocate(bytes.length);
      await sink.writeAt(0, bytes);
      await sink.commit();
      printNote(`Wrote ${flags.report}.`);
    }
    if (flags.json) printJson(facts);
    else printText(evaluationText(facts));
    for (const warning of facts.report.warnings) printWarning(warning);
  } finally {
    await sink?.discard();
  }
}

interface Numbers {
  readonly seed: number;
  readonly batchSize?: number;
  readonly limit?: number;
}

/** All numbers are read before any file is opened. */
function numbersOf({ seed, batch, limit }: EvaluateFlags): Numbers {
  return {
    seed: parseNumber("--seed", seed),
    ...(batch !== undefined && { batchSize: parseNumber("--batch", batch, 1) }),
    ...(limit !== undefined && { limit: parseNumber("--limit", limit, 1) }),
  };
}

async function measured(
  path: string,
  task: EvaluationTask,
  flags: EvaluateFlags,
  numbers: Numbers,
  signal: AbortSignal,
): Promise<EvaluationFacts> {
  const adapter = parseChoice("--adapter", flags.adapter, ["webgpu", "cpu"]);
  const source = await fromFile(path);
  const before = flags.against === undefined ? undefined : await fromFile(flags.against);
  const bar = sampleBar(flags.json === true);
  try {
    const model = await openOnnx(source, { signal });
    const against = before && (await openOnnx(before, { signal }));
    const { data, labels, close } = await openEvaluationData(flags, task, model, signal);
    try {
      for (const warning of data.warnings ?? []) printWarning(warning);
      const found = await evaluateFile(model, data, {
        task,
        adapter,
        signal,
        ...numbers,
        options: taskOptions(task, flags, data.classNames ?? labels?.classNames),
        fields: Object.fromEntries(
          (flags.input ?? []).map((text) => splitPair("--input", text, "image=pixels", "first")),
        ),
        ...(against && { against }),
        ...(labels && { labels }),
        ...(flags.labelField !== undefined && { labelField: flags.labelField }),
        ...(flags.value !== undefined && { output: flags.value }),
        onProgress: (samples, of) => bar.update(samples, of),
      });
      return { model: path, ...(flags.against !== undefined && { against: flags.against }), ...found };
    } finally {
      await close();
    }
  } finally {
    bar.stop();
    await before?.close?.();
    await source.close?.();
  }
}

function taskOptions(
  task: EvaluationTask,
  { ignore, pad, bytesPerToken }: EvaluateFlags,
  classNames: readonly string[] | undefined,
): TaskOptions[EvaluationTask] {
  const names = classNames && classNames.length > 0 ? { classNames } : {};
  const ignored = ignore === undefined ? {} : { ignore: parseNumber("--ignore", ignore) };
  if (task === "classification") return names;
  if (task === "segmentation") return { ...names, ...ignored };
  if (task !== "language-model") return {};
  return {
    ...(pad !== undefined && { ignore: parseNumber("--pad", pad, 0) }),
    ...ignored,
    ...(bytesPerToken !== undefined && { bytesPerToken: parseNumber("--bytes-per-token", bytesPerToken, 0) }),
  };
}

/** The evaluation for a terminal. */
function evaluationText(facts: EvaluationFacts): string {
  const tables = evaluationTables(facts.report).map(({ title, head, rows }) => `${title}\n${formatTable(head, rows)}`);
  return [evaluationSubject(facts), ...tables].join("\n\n");
}
