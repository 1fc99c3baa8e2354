// Quantizing files in Node: opens the device and the files, runs the plan, hashes, and reports.
import { basename, dirname, extname, join } from "node:path";
import { InternalError, NoAdapterError, UsageError, throwIfAborted } from "./base/errors.ts";
import type { ByteSink, ByteSource } from "./base/bytes.ts";
import { dataFilesOf } from "./compress/input-files.ts";
import type { Model } from "./compress/models.ts";
import { openModel } from "./compress/open-model.ts";
import {
  draftCompression,
  type CompressionDraft,
  type CompressionPlan,
  type PlanCompressionOptions,
  type QuantizeRecipe,
} from "./compress/plan-compression.ts";
import type { CompressionProgress } from "./compress/progress.ts";
import { compressWithRetry } from "./compress/retry.ts";
import type { QualityGate, TensorResult } from "./compress/run-compression.ts";
import { openDevice } from "./device/node.ts";
import { kernelReferences } from "./kernels/references.ts";
import { kernelSpecs } from "./kernels/registry.ts";
import { fileCheckpoint } from "./node-checkpoint.ts";
import { fromFile, toFile } from "./node-files.ts";
import { refuseClashes } from "./node-guard.ts";
import { hashSource } from "./node-hash.ts";
import { wgslimVersion } from "./version.ts";
import type { FileFacts, QuantizeReport } from "./report/types.ts";
import type { Backend } from "./run/backend.ts";
import { CpuBackend } from "./run/cpu-backend.ts";
import { WebGpuBackend } from "./run/webgpu-backend.ts";

export interface NodeBackendOptions {
  /** `auto`: WebGPU, and where there is none gpu.js, with a warning. */
  readonly adapter?: "auto" | "webgpu" | "gpu.js" | "cpu";
  readonly memoryBudget?: number;
}

export interface OpenBackend {
  readonly backend: Backend;
  readonly warning?: string;
  dispose(): void;
}

/**
 * Opens what computes: a WebGPU device, or the fallback.
 * @throws NoAdapterError when WebGPU is asked for and there is none
 */
export async function openNodeBackend(options: NodeBackendOptions = {}): Promise<OpenBackend> {
  const { adapter = "auto" } = options;
  const budget = options.memoryBudget === undefined ? {} : { memoryBudget: options.memoryBudget };
  if (adapter === "cpu") return plain(new CpuBackend(kernelReferences, budget));
  if (adapter === "gpu.js") return openFallback(budget);
  try {
    const gpu = await openDevice(budget);
    const backend = new WebGpuBackend(gpu, kernelSpecs);
    return { backend, dispose: () => gpu.dispose() };
  } catch (error) {
    if (adapter === "webgpu" || !(error instanceof NoAdapterError)) throw error;
    return { ...(await openFallback(budget)), warning: `${error.message} Going on with gpu.js, which is much slower.` };
  }
}

async function openFallback(budget: { memoryBudget?: number }): Promise<OpenBackend> {
  const { openGpuJsBackend } = await import("./fallback/gpu-js-backend.ts");
  return plain(await openGpuJsBackend(budget));
}

const plain = (backend: Backend): OpenBackend => ({ backend, dispose: () => undefined });

export interface QuantizeFileOptions extends QuantizeRecipe {
  readonly gate?: QualityGate;
  /** Replace an existing output. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CompressionProgress) => void;
  readonly onTensor?: (tensor: TensorResult) => void;
  readonly onWarning?: (text: string) => void;
  /** File that keeps finished work over an interruption. */
  readonly checkpoint?: string;
  /** A further file that the caller is going to write; refused here where it is the input, its data or the output. */
  readonly report?: string;
  /** Plans in place of the recipe, for algorithms that know more than the weights. */
  readonly draft?: (model: Model, how: PlanCompressionOptions) => Promise<CompressionDraft>;
  /** What computes; by default opened for this call and disposed after it. */
  readonly backend?: () => Promise<OpenBackend>;
}

/**
 * Quantizes an ONNX or safetensors file: reads, packs on the device, writes, proves, reports.
 *
 * @throws UsageError, FormatError, UnsupportedError, NonFiniteError, QualityGateError, ProofError, IoError,
 *   NoAdapterError, DeviceLostError, OutOfMemoryError, AbortedError; in each case no output is left
 * @example const report = await quantizeFile("model.onnx", "model_int4.onnx", { format: "int4" });
 */
export async function quantizeFile(
  input: string,
  output: string,
  options: QuantizeFileOptions,
): Promise<QuantizeReport> {
  const started = performance.now();
  const { gate, force, signal, onProgress, onTensor, onWarning, checkpoint, report, backend, draft, ...recipe } =
    options;
  const source = await fromFile(input);
  try {
    const model = await openModel(source, signal ? { signal } : {});
    refuseOtherKind(output, model.format);
    const dataFiles = [...dataFilesOf(model).values()].map(({ name, size }) => ({ path: name, bytes: size }));
    const inputs = [input, ...dataFiles.map(({ path }) => path)];
    const { externalDataFile } = recipe;
    const data = externalDataFile === undefined ? undefined : join(dirname(output), externalDataFile);
    await refuseClashes({ output, "external data file": data, checkpoint, report }, inputs);
    const open = () => toFile(output, { force: force ?? false, notSameAs: inputs });
    // The folder and the name are tried before a device is opened, and rules and operators settled.
    let first: ByteSink | undefined = await open();
    let facts: Pick<QuantizeReport, "input" | "output"> | undefined;
    let opened: OpenBackend | undefined;
    try {
      const how = { producer: `wgslim ${wgslimVersion}`, dataFile: `${basename(output)}_data` };
      const makePlan = draft ? await draft(model, how) : draftCompression(model, recipe, how);
      opened = await (backend ?? openNodeBackend)();
      if (opened.warning) onWarning?.(opened.warning);
      const makeOutput = async ({ job }: CompressionPlan): Promise<ByteSink> => {
        const sink = first ?? (await open());
        first = undefined;
        const { external } = job.layout;
        const beside = external ? [{ path: join(dirname(output), external.fileName), bytes: external.size }] : [];
        return beforeCommit(sink, async (written) => {
          const reading = hashProgress([source, written], onProgress);
          facts = {
            input: await factsOf(input, source, dataFiles, signal, reading),
            output: await factsOf(output, written, beside, signal, reading),
          };
          throwIfAborted(signal);
        });
      };
      const { plan, result, retries } = await compressWithRetry(makePlan, opened.backend, makeOutput, {
        onPlan: ({ warnings }) => {
          for (const warning of warnings) onWarning?.(warning);
        },
        onRetry: (warning) => onWarning?.(warning),
        ...(signal ? { signal } : {}),
        ...(onProgress ? { onProgress } : {}),
        ...(onTensor ? { onTensor } : {}),
        ...(gate ? { gate } : {}),
        ...(checkpoint === undefined ? {} : { checkpoint: fileCheckpoint(checkpoint) }),
      });
      for (const warning of result.warnings) onWarning?.(warning);
      if (!facts) throw new InternalError("A file was written without its digest.");
      return {
        ...facts,
        adapter: opened.backend.profile.description,
        plan: {
          peakDeviceBytes: plan.plan.peakDeviceBytes,
          lowerBoundBytes: plan.plan.lowerBoundBytes,
          dispatches: plan.plan.dispatches,
          submits: plan.plan.submits,
        },
        tensors: result.tensors.map(reportTensor),
        skipped: plan.skipped,
        warnings: [...(opened.warning ? [opened.warning] : []), ...retries, ...plan.warnings, ...result.warnings],
        seconds: (performance.now() - started) / 1000,
      };
    } catch (error) {
      await first?.discard();
      throw error;
    } finally {
      opened?.dispose();
    }
  } finally {
    await source.close?.();
  }
}

/** The result is of the input's kind; a name that says otherwise would mislead whoever finds the file. */
function refuseOtherKind(output: string, format: Model["format"]): void {
  const [own, other] = format === "onnx" ? [".onnx", ".safetensors"] : [".safetensors", ".onnx"];
  if (!output.toLowerCase().endsWith(other)) return;
  throw new UsageError(`${output}: the input is ${format}, and so is the output; ${other} would be a wrong name.`, {
    hint: `Name the output ${basename(output, extname(output))}${own}.`,
    details: { file: output },
  });
}

/** The sink, with a look at the whole file before it appears; what the look throws leaves no file. */
const beforeCommit = (sink: ByteSink, look: (written: ByteSource) => Promise<void>): ByteSink => ({
  ...sink,
  async commit() {
    const written = await sink.asSource();
    try {
      await look(written);
    } finally {
      await written.close?.();
    }
    await sink.commit();
  },
});

type DataFile = NonNullable<FileFacts["dataFiles"]>[number];

const factsOf = async (
  path: string,
  source: ByteSource,
  dataFiles: readonly DataFile[],
  signal: AbortSignal | undefined,
  reading: (file: string) => (bytes: number) => void,
): Promise<FileFacts> => ({
  path,
  bytes: source.size,
  sha256: await hashSource(source, signal, reading(path)),
  ...(dataFiles.length > 0 ? { dataFiles } : {}),
});

function hashProgress(sources: readonly ByteSource[], report: QuantizeFileOptions["onProgress"]) {
  const bytesTotal = sources.reduce((sum, { size }) => sum + size, 0);
  let [done, bytesDone] = [0, 0];
  return (file: string) => {
    const end = bytesDone + (sources[done]?.size ?? 0);
    return (bytes: number): void => {
      bytesDone += bytes;
      if (bytesDone === end) done += 1;
      report?.({ phase: "hash", unit: file, label: file, done, total: sources.length, bytesDone, bytesTotal });
    };
  };
}

const reportTensor = ({
  name,
  op,
  shape,
  format,
  bytesBefore,
  bytesAfter,
  statistics,
}: TensorResult): QuantizeReport["tensors"][number] => ({
  name,
  op,
  shape,
  format,
  bytesBefore,
  bytesAfter,
  sqnrDb: statistics.sqnrDb,
  maxAbsError: statistics.maxAbsError,
  cosine: statistics.cosine,
});
