// `wgslim calibrate`: statistics of a model's activations, into a file.
import { UsageError } from "../../base/errors.ts";
import { mergeStatistics, readStatistics, statisticsToJson, type Statistics } from "../../calibrate/statistics.ts";
import { openOnnx } from "../../compress/open-model.ts";
import { openDataset } from "../../data/open-dataset.ts";
import { calibrateFile } from "../../node-calibrate.ts";
import { fromFile, toFile } from "../../node-files.ts";
import { formatTable } from "../../report/table.ts";
import { parseNumber } from "../options.ts";
import { printJson, printNote, printText } from "../print.ts";
import { parseDim, splitPair } from "./compare.ts";

interface CalibrateFlags {
  readonly data?: string;
  readonly synthetic?: string;
  readonly merge?: readonly string[];
  readonly input?: readonly string[];
  readonly dim?: readonly string[];
  readonly batch: string;
  readonly limit?: string;
  readonly seed: string;
  readonly output: string;
  readonly force?: boolean;
  readonly adapter: string;
  readonly json?: boolean;
}

export async function calibrateCommand(path: string, flags: CalibrateFlags, signal: AbortSignal): Promise<void> {
  const sources = [flags.data, flags.synthetic, flags.merge].filter((each) => each !== undefined);
  if (sources.length !== 1) {
    throw new UsageError("Give one of --data, --synthetic and --merge.", {
      hint: "wgslim calibrate model.onnx --data inputs.npz -o statistics.json",
    });
  }
  // The name is tried before the work.
  const sink = await toFile(flags.output, { force: flags.force === true, notSameAs: [path] });
  try {
    const statistics = flags.merge ? await merged(flags.merge) : await measured(path, flags, signal);
    const bytes = new TextEncoder().encode(statisticsToJson(statistics));
    await sink.allocate(bytes.length);
    await sink.writeAt(0, bytes);
    await sink.commit();
    if (flags.json) printJson({ output: flags.output, samples: statistics.samples, tensors: rowsOf(statistics) });
    else printText(textOf(flags.output, statistics));
  } finally {
    await sink.discard();
  }
}

async function measured(path: string, flags: CalibrateFlags, signal: AbortSignal): Promise<Statistics> {
  const { adapter } = flags;
  if (adapter !== "webgpu" && adapter !== "cpu") {
    throw new UsageError(`--adapter takes webgpu or cpu, not "${adapter}".`);
  }
  const source = await fromFile(path);
  const dataSource = flags.data === undefined ? undefined : await fromFile(flags.data);
  try {
    const model = await openOnnx(source, { signal });
    const data = dataSource
      ? await openDataset(dataSource, { signal })
      : parseNumber("--synthetic", flags.synthetic ?? "");
    return await calibrateFile(model, data, {
      adapter,
      signal,
      batchSize: parseNumber("--batch", flags.batch),
      seed: parseNumber("--seed", flags.seed),
      dims: Object.fromEntries((flags.dim ?? []).map((text) => parseDim(text))),
      fields: Object.fromEntries(
        (flags.input ?? []).map((text) => splitPair("--input", text, "image=pixels", "first")),
      ),
      ...(flags.limit === undefined ? {} : { limit: parseNumber("--limit", flags.limit) }),
      onWarning: printNote,
      onProgress: (samples) => {
        if (!flags.json && samples % 64 === 0) printNote(`${samples} samples`);
      },
    });
  } finally {
    await dataSource?.close?.();
    await source.close?.();
  }
}

async function merged(files: readonly string[]): Promise<Statistics> {
  let all: Statistics | undefined;
  for (const file of files) {
    const source = await fromFile(file);
    try {
      const text = new TextDecoder().decode(await source.read(0, source.size));
      const each = readStatistics(text, file);
      all = all ? mergeStatistics(all, each) : each;
    } finally {
      await source.close?.();
    }
  }
  if (all) return all;
  throw new UsageError("--merge takes files of statistics.");
}

const rowsOf = ({ tensors }: Statistics) =>
  Object.entries(tensors).map(([name, { min, max, meanSquare, channelAbsMax = [] }]) => {
    const rest = channelAbsMax.toSorted((a, b) => a - b);
    const median = rest[Math.floor(rest.length / 2)] ?? 0;
    return { name, min, max, rms: Math.sqrt(meanSquare), outliers: median > 0 ? (rest.at(-1) ?? 0) / median : 1 };
  });

function textOf(output: string, statistics: Statistics): string {
  const table = formatTable(
    ["tensor", "min", "max", "rms", "largest / median channel"],
    rowsOf(statistics).map(({ name, min, max, rms, outliers }) =>
      [name].concat([min, max, rms].map((value) => value.toPrecision(4))).concat(outliers.toFixed(1)),
    ),
  );
  return `${table}\n\nWrote ${output}: ${statistics.samples} samples.`;
}
