// The worker: opens the device (without WebGPU what stands in for it), plans, runs and reads results, so that the
// page never waits. Requests are served one after another, except for "cancel", which aborts the run under way.
import {
  blobCheckpoint,
  compressWithRetry,
  formatPlan,
  fromBlob,
  openModel,
  openWebBackend,
  planCompression,
  readTensorValues,
  toBlob,
  UsageError,
  type BlobSink,
  type ByteSource,
  type CheckpointStore,
  type CompressionPlan,
  type DeviceProfile,
  type Model,
  type QuantizeRecipe,
  type WebBackend,
} from "../../src/web.ts";
import { failureOf } from "../shared/page.ts";
import { nameOf, type ModelFiles } from "./files.ts";
import { recognize } from "./foreign.ts";
import { histogramsOf } from "./histograms.ts";
import type { Choice, PlanSummary, Reply, Request, WrittenFile } from "./protocol.ts";

/** A model, and the sizes of the data files that it turned out to need. */
interface Opened {
  readonly model: Model;
  readonly dataFiles: ReadonlyMap<string, number>;
}

let device: Promise<WebBackend> | undefined;
let opened: Opened | undefined;
let choice: Choice | undefined;
let plan: CompressionPlan | undefined;
let output: BlobSink | undefined;
let running: AbortController | undefined;
let checkpoint: { readonly store: CheckpointStore; readonly fingerprint: string } | undefined;

const reply = (message: Reply): void => self.postMessage(message, {});

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new UsageError(`There is no ${what} yet.`);
  return value;
}

/** WebGPU, or what stands in for it. Opened once, and anew after a device was lost. */
const backend = (): Promise<WebBackend> => (device ??= openWebBackend());

async function start(hideWebGpu: boolean): Promise<void> {
  if (hideWebGpu) Object.defineProperty(navigator, "gpu", { value: undefined });
  const { backend: current, warning } = await backend();
  reply({ kind: "device", description: current.profile.description, ...(warning ? { warning } : {}) });
}

async function open({ main, siblings }: ModelFiles): Promise<void> {
  [opened, plan, output, checkpoint] = [undefined, undefined, undefined, undefined];
  const name = nameOf(main.path);
  const files = Object.fromEntries(siblings.map(({ path, blob }) => [path, blob]));
  const source = fromBlob(main.blob, name, { siblings: files });
  const dataFiles = new Map<string, number>();
  const watched: ByteSource = {
    ...source,
    async sibling(path) {
      const file = await needed(source.sibling, "folder")(path);
      dataFiles.set(path, file.size);
      return file;
    },
  };
  const model = await openModel(watched).catch(async (error: unknown) => {
    const foreign = failureOf(error).code === "FORMAT" ? await recognize(main.blob) : undefined;
    throw foreign ? new UsageError(`${name} is ${foreign.is}.`, { hint: foreign.hint, cause: error }) : error;
  });
  opened = { model, dataFiles };
  const [count, what] =
    model.format === "onnx" ? [model.onnx.graph.nodes.length, "node"] : [model.safetensors.tensors.length, "tensor"];
  const facts = { name, format: model.format, bytes: bytesOf(opened), dataFiles: [...dataFiles.keys()] };
  reply({
    kind: "model",
    model: { ...facts, content: `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}` },
  });
}

const bytesOf = ({ model, dataFiles }: Opened): number =>
  [...dataFiles.values()].reduce((sum, bytes) => sum + bytes, model.source.size);

function recipeOf({ format, blockSize, search, keep, apart, outputName }: Choice, { model }: Opened): QuantizeRecipe {
  const options = { ...(blockSize ? { blockSize } : {}), ...(search ? { search: { kind: search } } : {}) };
  return {
    format,
    ...(blockSize || search ? { formatOptions: options } : {}),
    ...(keep.length > 0 ? { rules: keep.map((name) => ({ pattern: exactly(name), format: "skip" as const })) } : {}),
    ...(apart && model.format === "onnx" ? { externalDataFile: `${outputName}_data` } : {}),
  };
}

/** A rule for one name, whatever signs it holds. */
const exactly = (name: string): string => `/^${name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")}$/`;

function planFor(profile: DeviceProfile): CompressionPlan {
  const [model, chosen] = [needed(opened, "model"), needed(choice, "choice")];
  const memoryBudget = Math.min(profile.memoryBudget ?? Infinity, chosen.memoryBudget ?? Infinity);
  const limited = Number.isFinite(memoryBudget) ? { ...profile, memoryBudget } : profile;
  return planCompression(model.model, limited, recipeOf(chosen, model), { dataFile: `${chosen.outputName}_data` });
}

function summaryOf({ plan: schedule, ...of }: CompressionPlan): PlanSummary {
  const { peakDeviceBytes, lowerBoundBytes, dispatches, submits } = schedule;
  return {
    bytesBefore: bytesOf(needed(opened, "model")),
    bytesAfter: of.output.bytes,
    peakDeviceBytes,
    lowerBoundBytes,
    dispatches,
    submits,
    tensors: of.tensors,
    skipped: of.skipped,
    warnings: of.warnings,
    text: formatPlan(schedule, { operations: true }),
  };
}

/** The checkpoint of the run that is to go on, if the fresh device gets the same plan; else a new one. */
function checkpointFor({ plan: { fingerprint } }: CompressionPlan, resume: boolean): CheckpointStore {
  if (!resume || checkpoint?.fingerprint !== fingerprint) checkpoint = { store: blobCheckpoint(), fingerprint };
  return checkpoint.store;
}

async function pack(resume: boolean): Promise<void> {
  const { backend: current } = await backend();
  const { outputName } = needed(choice, "choice");
  running = new AbortController();
  output = undefined;
  const sinks: BlobSink[] = [];
  const makeOutput = async (): Promise<BlobSink> => {
    const sink = toBlob(outputName);
    sinks.push(sink);
    return sink;
  };
  try {
    const run = await compressWithRetry(planFor, current, makeOutput, {
      signal: running.signal,
      checkpoint: checkpointFor(planFor(current.profile), resume),
      onProgress: ({ phase, label, done, total, bytesDone, bytesTotal }) =>
        reply({ kind: "progress", phase, label, done, total, bytesDone, bytesTotal }),
      onTensor: ({ name, statistics: { sqnrDb, maxAbsError, cosine } }) =>
        reply({ kind: "layer", loss: { name, sqnrDb, maxAbsError, cosine } }),
      onRetry: (text) => reply({ kind: "note", text }),
    });
    plan = run.plan;
    const sink = needed(sinks.at(-1), "result");
    output = sink;
    const files = await Promise.all([[outputName, sink.blob()] as const, ...sink.siblings()].map(written));
    const warnings = [...run.retries, ...run.plan.warnings, ...run.result.warnings];
    reply({ kind: "done", files, seconds: run.result.seconds, warnings });
  } catch (error) {
    if (failureOf(error).code === "DEVICE_LOST") device = undefined;
    throw error;
  } finally {
    running = undefined;
  }
}

async function written([name, blob]: readonly [string, Blob]): Promise<WrittenFile> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return { name, blob, sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

async function showValues(tensor: string): Promise<void> {
  const file = await needed(output, "result").asSource();
  const { before, after } = await readTensorValues(needed(plan, "plan"), file, tensor);
  reply({ kind: "values", tensor, histograms: histogramsOf(before, after) });
}

async function serve(request: Request): Promise<void> {
  if (request.kind === "start") await start(request.hideWebGpu);
  else if (request.kind === "open") await open(request);
  else if (request.kind === "plan") {
    choice = request.choice;
    plan = planFor((await backend()).backend.profile);
    reply({ kind: "plan", summary: summaryOf(plan) });
  } else if (request.kind === "run") await pack(request.resume);
  else if (request.kind === "values") await showValues(request.tensor);
}

let queue = Promise.resolve();

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if (data.kind === "cancel") running?.abort();
  else {
    queue = queue
      .then(() => serve(data))
      .catch((error: unknown) => reply({ kind: "failed", during: data.kind, failure: failureOf(error) }));
  }
});
