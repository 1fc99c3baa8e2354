// Quantizing weights by what a model's inputs make of them, in Node: as `quantizeFile`, with calibration before.
import { InternalError, ProofError, UnsupportedError, UsageError } from "./base/errors.ts";
import type { Statistics } from "./calibrate/statistics.ts";
import { runGptq, weightInputs, type CalibratedLayer, type GptqRunOptions } from "./compress/gptq.ts";
import type { OnnxFile } from "./compress/models.ts";
import { planOnnx } from "./compress/plan-onnx.ts";
import type { QuantizeRecipe } from "./compress/plan-types.ts";
import { activationAwareScales, smoothChannels, type ScaledChannels } from "./compress/scale-channels.ts";
import type { Dataset } from "./data/dataset.ts";
import { openDevice } from "./device/node.ts";
import { calibrate } from "./execute/calibrate.ts";
import { Executor, type GraphInput } from "./execute/executor.ts";
import { graphKernelReferences } from "./kernels/graph-references.ts";
import { graphKernelSpecs } from "./kernels/graph-registry.ts";
import { kernelReferences } from "./kernels/references.ts";
import { kernelSpecs } from "./kernels/registry.ts";
import { feedsOfModel, type FeedOptions } from "./node-calibrate.ts";
import { hashSource } from "./node-hash.ts";
import { quantizeFile, type OpenBackend, type QuantizeFileOptions } from "./node-quantize.ts";
import type { QuantizeReport } from "./report/types.ts";
import type { Backend } from "./run/backend.ts";
import { CpuBackend } from "./run/cpu-backend.ts";
import { WebGpuBackend } from "./run/webgpu-backend.ts";

/** gptq: each channel makes up for those before it; awq, smoothquant: channels scaled for nothing before rounding. */
export type CalibratedAlgorithm = "gptq" | "awq" | "smoothquant";

export interface QuantizeCalibratedFileOptions extends Omit<QuantizeFileOptions, "draft" | "backend"> {
  readonly algorithm: CalibratedAlgorithm;
  /** What the model is run over, as it takes it; or statistics that hold second moments. */
  readonly calibration: Dataset | Statistics;
  /** Of the calibration data. */
  readonly feed?: FeedOptions;
  readonly gptq?: Omit<GptqRunOptions, "signal" | "onLayer">;
  /** smoothquant: how much of the channels' size goes into the weights, 0 to 1; default 0.5. */
  readonly strength?: number;
  readonly adapter?: "webgpu" | "cpu";
  readonly memoryBudget?: number;
  readonly onLayer?: (layer: CalibratedLayer) => void;
  readonly onChannels?: (channels: ScaledChannels) => void;
}

export interface CalibratedReport extends QuantizeReport {
  /** gptq: what became of each weight. */
  readonly layers: readonly CalibratedLayer[];
  /** awq and smoothquant: what became of each activation that weights multiply. */
  readonly channels: readonly ScaledChannels[];
}

/**
 * Quantizes the weights of an ONNX file by an algorithm that knows its layers' inputs.
 * @throws as `quantizeFile`, and as `calibrateFile`
 * @example
 * const calibration = await openDataset(await fromFile("windows.npz"));
 * await quantizeCalibratedFile("model.onnx", "model_int4.onnx", { format: "int4", algorithm: "gptq", calibration });
 */
export async function quantizeCalibratedFile(
  input: string,
  output: string,
  options: QuantizeCalibratedFileOptions,
): Promise<CalibratedReport> {
  const { algorithm, calibration, feed, gptq, strength, adapter = "webgpu", memoryBudget, ...rest } = options;
  const { onLayer, onChannels, ...file } = rest;
  const signal = file.signal ? { signal: file.signal } : {};
  const recipe = recipeOf(file);
  let opened: OpenBackend | undefined;
  let layers: readonly CalibratedLayer[] = [];
  let channels: readonly ScaledChannels[] = [];
  try {
    const report = await quantizeFile(input, output, {
      ...file,
      draft: async (model, how) => {
        if (model.format !== "onnx") {
          throw new UnsupportedError(`${input} holds tensors but no graph: calibration runs one.`, {
            hint: "Give the ONNX export of the model.",
            details: { file: input },
          });
        }
        // The recipe is settled before anything runs.
        const draft = planOnnx(model, recipe, how);
        opened = await openAllKernels(adapter, memoryBudget);
        const { backend } = opened;
        const feeding: FeedOptions = { ...feed, ...signal };
        const statistics =
          "tensors" in calibration
            ? calibration
            : await inputStatisticsOf(model, calibration, backend, algorithm, feeding);
        if (algorithm === "gptq") {
          const observed = { ...gptq, ...signal, ...(onLayer ? { onLayer } : {}) };
          const found = await runGptq(model, draft(backend.profile), statistics, backend, observed);
          ({ layers } = found);
          if (found.given.size === 0) throw nothingDone(input, algorithm, layers);
          return planOnnx(model, recipe, { ...how, given: found.given });
        }
        const observed = { ...signal, ...(onChannels ? { onChannels } : {}) };
        const scaled =
          algorithm === "awq"
            ? await activationAwareScales(model, draft(backend.profile), statistics, backend, observed)
            : await smoothChannels(model, statistics, { ...observed, ...(strength === undefined ? {} : { strength }) });
        ({ channels } = scaled);
        if (channels.every(({ strength: own = 0 }) => own === 0)) throw nothingDone(input, algorithm, channels);
        const changed = { ...model, onnx: scaled.onnx };
        if (!("tensors" in calibration)) await requireSame(model, changed, calibration, backend, feeding);
        return planOnnx(changed, recipe, how);
      },
      backend: async () => {
        if (!opened) throw new InternalError("A file is packed before it is calibrated.");
        return { ...opened, dispose: () => undefined };
      },
    });
    return { ...report, layers, channels };
  } finally {
    opened?.dispose();
  }
}

/** Of outputs' largest value: what scaling channels may change by rounding. */
const foldTolerance = 1e-3;

/**
 * Runs both models over the first batch: scaling channels must not change what they compute.
 * @throws ProofError where it does
 */
async function requireSame(
  original: OnnxFile,
  changed: OnnxFile,
  data: Dataset,
  backend: Backend,
  feed: FeedOptions,
): Promise<void> {
  for await (const batch of feedsOfModel(original, data, { ...feed, limit: feed.batchSize ?? 1 })) {
    const [before, after] = [await outputsOf(original, backend, batch), await outputsOf(changed, backend, batch)];
    for (const [name, { data: values }] of Object.entries(before)) {
      const others = after[name]?.data ?? new Float64Array();
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const off = values.reduce((most, value, i) => Math.max(most, Math.abs(value - (others[i] ?? Number.NaN))), 0);
      if (off <= foldTolerance * largest) continue;
      throw new ProofError(`With scaled channels, output "${name}" of ${original.source.name} is off by ${off}.`, {
        hint: "Use another algorithm for this model, and report this one.",
        details: { file: original.source.name, output: name, off, largest },
      });
    }
    return;
  }
}

async function outputsOf(model: OnnxFile, backend: Backend, batch: Readonly<Record<string, GraphInput>>) {
  const executor = await Executor.create(model.onnx, backend);
  try {
    return await executor.run(batch);
  } finally {
    executor.dispose();
  }
}

const recipeOf = (options: QuantizeRecipe): QuantizeRecipe => ({
  format: options.format,
  ...(options.formatOptions ? { formatOptions: options.formatOptions } : {}),
  ...(options.rules ? { rules: options.rules } : {}),
  ...(options.skip === undefined ? {} : { skip: options.skip }),
  ...(options.externalDataFile === undefined ? {} : { externalDataFile: options.externalDataFile }),
  ...(options.keepFloat ? { keepFloat: options.keepFloat } : {}),
});

async function openAllKernels(adapter: "webgpu" | "cpu", memoryBudget: number | undefined): Promise<OpenBackend> {
  const budget = memoryBudget === undefined ? {} : { memoryBudget };
  if (adapter === "cpu") {
    const backend = new CpuBackend({ ...kernelReferences, ...graphKernelReferences }, budget);
    return { backend, dispose: () => undefined };
  }
  const gpu = await openDevice(budget);
  const backend = new WebGpuBackend(gpu, { ...kernelSpecs, ...graphKernelSpecs });
  return { backend, dispose: () => gpu.dispose() };
}

/** Statistics of the inputs of all weights, with second moments where the algorithm works with them. */
async function inputStatisticsOf(
  model: OnnxFile,
  data: Dataset,
  backend: Backend,
  algorithm: CalibratedAlgorithm,
  feed: FeedOptions,
): Promise<Statistics> {
  const values = new Set(model.onnx.graph.nodes.flatMap(({ outputs }) => outputs));
  for (const { name } of model.onnx.graph.inputs) values.add(name);
  // Inputs of layers inside of branches and loops are not observed.
  const names = [...new Set([...weightInputs(model).values()].flat())].filter((name) => values.has(name));
  const sha256 = await hashSource(model.source, feed.signal);
  return await calibrate(model.onnx, backend, feedsOfModel(model, data, feed), {
    sha256,
    tensors: names,
    moments: algorithm === "smoothquant" ? [] : names,
    ...(feed.signal ? { signal: feed.signal } : {}),
  });
}

function nothingDone(
  file: string,
  algorithm: CalibratedAlgorithm,
  reports: readonly { readonly reason?: string }[],
): UsageError {
  const reasons = [...new Set(reports.flatMap(({ reason }) => reason ?? []))].slice(0, 3).join("; ");
  const why = reasons || "there is none";
  return new UsageError(`${algorithm} found no weight of ${file} that it can do something for: ${why}.`, {
    hint:
      algorithm === "gptq"
        ? "It takes the weights of MatMul and Gemm, in int formats, and calibration data or statistics with second moments."
        : "It takes activations that only MatMul and Gemm read, and that come from a normalization or a product.",
    details: { file },
  });
}
