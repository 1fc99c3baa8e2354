// The worker: opens the device (without WebGPU what stands in for it), plans, runs and reads results, so that the page never waits. Requests are served one
// after another, except for "cancel", which aborts the run under way.
import {
  fromBlob,
  formatPlan,
  openModel,
  openWebBackend,
  planCompression,
  readTensorValues,
  runCompression,
  toBlob,
  UsageError,
  type CompressionPlan,
  type Model,
  type QuantizeRecipe,
  type WebBackend,
} from "../../src/web.ts";
import { failureOf } from "../shared/page.ts";
import { histogramsOf } from "./histograms.ts";
import type { Choice, PlanSummary, Reply, Request } from "./protocol.ts";

let opened: Promise<WebBackend> | undefined;
let model: Model | undefined;
let plan: CompressionPlan | undefined;
let output: Blob | undefined;
let running: AbortController | undefined;

const reply = (message: Reply): void => self.postMessage(message, {});

function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new UsageError(`There is no ${what} yet.`);
  return value;
}

/** WebGPU, or what stands in for it. Opened once, and anew after a failed run: the device may be lost. */
const backend = (): Promise<WebBackend> => (opened ??= openWebBackend());

function recipeOf({ format, blockSize, search }: Choice): QuantizeRecipe {
  if (blockSize === undefined && search === undefined) return { format };
  return {
    format,
    formatOptions: { ...(blockSize ? { blockSize } : {}), ...(search ? { search: { kind: search } } : {}) },
  };
}

function summaryOf({ plan: schedule, ...of }: CompressionPlan): PlanSummary {
  const { peakDeviceBytes, lowerBoundBytes, dispatches, submits } = schedule;
  return {
    recipe: JSON.stringify(of.recipe),
    bytesBefore: of.input.bytes,
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

async function run(outputName: string): Promise<void> {
  const [{ backend: device }, current] = [await backend(), needed(plan, "plan")];
  running = new AbortController();
  const sink = toBlob(outputName);
  output = undefined;
  try {
    const { seconds } = await runCompression(current, device, {
      output: sink,
      signal: running.signal,
      onProgress: ({ phase, label, done, total, bytesDone, bytesTotal }) =>
        reply({ kind: "progress", phase, label, done, total, bytesDone, bytesTotal }),
      onTensor: ({ name, statistics: { sqnrDb, maxAbsError, cosine, clippedShare } }) =>
        reply({ kind: "layer", loss: { name, sqnrDb, maxAbsError, cosine, clippedShare } }),
    });
    output = sink.blob();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await output.arrayBuffer()));
    const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    reply({ kind: "done", blob: output, sha256, seconds });
  } catch (error) {
    if (failureOf(error).code === "DEVICE_LOST") opened = undefined;
    throw error;
  } finally {
    running = undefined;
  }
}

async function serve(request: Request): Promise<void> {
  if (request.kind === "start") {
    if (request.hideWebGpu) Object.defineProperty(navigator, "gpu", { value: undefined });
    const { backend: device, warning } = await backend();
    reply({ kind: "device", description: device.profile.description, ...(warning ? { warning } : {}) });
  } else if (request.kind === "open") {
    const { name, blob } = request;
    [plan, output] = [undefined, undefined];
    model = await openModel(fromBlob(blob, name));
    const content =
      model.format === "onnx"
        ? `${model.onnx.graph.nodes.length} nodes`
        : `${model.safetensors.tensors.length} tensors`;
    reply({ kind: "model", name, bytes: blob.size, content });
  } else if (request.kind === "plan") {
    const { profile } = (await backend()).backend;
    const { memoryBudget } = request.choice;
    const limited = memoryBudget === undefined ? profile : { ...profile, memoryBudget };
    plan = planCompression(needed(model, "model"), limited, recipeOf(request.choice));
    reply({ kind: "plan", summary: summaryOf(plan) });
  } else if (request.kind === "run") await run(request.outputName);
  else if (request.kind === "values") {
    const written = fromBlob(needed(output, "result"), "result");
    const { before, after } = await readTensorValues(needed(plan, "plan"), written, request.tensor);
    reply({ kind: "values", tensor: request.tensor, histograms: histogramsOf(before, after) });
  }
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
