// Whole files: quantize against the identity pipeline and against plain reading and writing, in turn in one
// process; and one run alone for its peak of memory.
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { openDevice } from "../device/node.ts";
import type { QuantizeRecipe } from "../compress/plan-compression.ts";
import { quantizeFile } from "../node-quantize.ts";
import { identityFile, readAndWrite } from "./identity.ts";
import { pipelineNames, type PipelineName } from "./pipeline-names.ts";
import { writeSyntheticModel } from "./synthetic-model.ts";
import { median, type BenchJob, type BenchResult, type BenchRow } from "./types.ts";

const identityName: PipelineName = "file identity (copy kernel)";
const modelBytes = 96 * 2 ** 20;

const recipes: Readonly<Partial<Record<PipelineName, QuantizeRecipe>>> = {
  "file quantize int4 absmax": { format: "int4", formatOptions: { search: { kind: "absmax" } } },
  "file quantize int4 mse (default)": { format: "int4" },
  "file quantize int8": { format: "int8" },
};

async function modelIn(folder: string): Promise<string> {
  const path = join(folder, "synthetic.onnx");
  if (!existsSync(path)) await writeSyntheticModel(path, { bytes: modelBytes, width: 1024 });
  return path;
}

async function adapterName(): Promise<string> {
  const gpu = await openDevice();
  try {
    return gpu.profile.description;
  } finally {
    gpu.dispose();
  }
}

async function runPipeline(name: PipelineName, input: string, output: string): Promise<number | undefined> {
  const recipe = recipes[name];
  if (!recipe) {
    await identityFile(input, output);
    return undefined;
  }
  const report = await quantizeFile(input, output, { ...recipe, force: true });
  return report.plan.peakDeviceBytes;
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** Times every pipeline between two runs of the identity pipeline. */
export async function benchPipelines(
  { runs, filter, folder }: Extract<BenchJob, { kind: "pipelines" }>,
  note: (text: string) => void,
): Promise<BenchResult> {
  const wanted = pipelineNames.filter(
    (name) => name !== identityName && (filter === undefined || name.includes(filter)),
  );
  if (wanted.length === 0) return { rows: [], absent: [] };
  note("writing a model");
  const input = await modelIn(folder);
  const output = join(folder, "output.onnx");
  const adapter = await adapterName();
  const rows: BenchRow[] = [];
  const identity: number[] = [];
  const timeIdentity = async (): Promise<number> => {
    const seconds = await secondsOf(() => runPipeline(identityName, input, output));
    identity.push(seconds);
    return seconds;
  };
  const outputBytes = Math.ceil(modelBytes * 0.16);
  const plain: number[] = [];
  await timeIdentity();
  for (const name of wanted) {
    const seconds: number[] = [];
    const ratios: number[] = [];
    await secondsOf(() => runPipeline(name, input, output));
    for (let run = 0; run < runs; run++) {
      note(`${name}, run ${run + 1} of ${runs}`);
      plain.push(await secondsOf(() => readAndWrite(input, output, outputBytes)));
      const before = await timeIdentity();
      const own = await secondsOf(() => runPipeline(name, input, output));
      const after = await timeIdentity();
      seconds.push(own);
      ratios.push((before + after) / 2 / own);
    }
    rows.push({
      adapter,
      name,
      value: median(seconds),
      unit: "s",
      ratio: median(ratios),
      against: identityName,
      spread: [Math.min(...ratios), Math.max(...ratios)],
      note: `${(median(seconds) / median(plain)).toFixed(1)} times plain read and write`,
    });
  }
  rows.push(
    { adapter, name: identityName, value: median(identity), unit: "s", note: `model of ${modelBytes / 2 ** 20} MiB` },
    { adapter, name: "file plain read and write", value: median(plain), unit: "s" },
  );
  return { rows, absent: [] };
}

/** Runs one pipeline once and reports the peak of this process. */
export async function measureMemory({ pipeline, folder }: Extract<BenchJob, { kind: "memory" }>): Promise<BenchResult> {
  const name = pipelineNames.find((known) => known === pipeline);
  if (!name) return { rows: [], absent: [`memory of ${pipeline}: there is no such pipeline`] };
  const input = await modelIn(folder);
  const output = join(folder, "memory.onnx");
  const adapter = await adapterName();
  const before = process.resourceUsage().maxRSS / 1024;
  const planned = await runPipeline(name, input, output);
  const { size } = await stat(output);
  return {
    rows: [
      {
        adapter,
        name: `peak memory of ${name}`,
        value: process.resourceUsage().maxRSS / 1024,
        unit: "MiB",
        note: [
          `${before.toFixed(0)} MiB before`,
          ...(planned === undefined ? [] : [`planned on the device ${(planned / 2 ** 20).toFixed(0)} MiB`]),
          `output ${(size / 2 ** 20).toFixed(0)} MiB`,
        ].join(", "),
      },
    ],
    absent: [],
  };
}
