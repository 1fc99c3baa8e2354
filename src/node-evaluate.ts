// Evaluation in Node: runs a model, and the original beside it, over a data set on one device, and hands the answers
// to the task's evaluator batch by batch.
import { throwIfAborted, UsageError } from "./base/errors.ts";
import type { OnnxFile } from "./compress/models.ts";
import { permutation, requireCount, type Dataset } from "./data/dataset.ts";
import { feedsOf, matchFields } from "./data/feeds.ts";
import { truthApart, truthInside, type TruthSource } from "./data/truth.ts";
import { openDevice } from "./device/node.ts";
import { openEvaluator, type EvaluationTask, type TaskOptions, type TaskReports } from "./evaluate/evaluate-outputs.ts";
import { graphKernelReferences } from "./kernels/graph-references.ts";
import { graphKernelSpecs } from "./kernels/graph-registry.ts";
import { openJudged, refuseNaN, type JudgedModel } from "./node-judged-model.ts";
import type { Backend } from "./run/backend.ts";
import { CpuBackend } from "./run/cpu-backend.ts";
import { WebGpuBackend } from "./run/webgpu-backend.ts";

export interface EvaluateFileOptions<Task extends EvaluationTask> {
  readonly task: Task;
  /** The original, run on the same samples and compared with. */
  readonly against?: OnnxFile;
  /** A data set of one field that holds the truth, row by row; for embeddings a row for each pair of samples. */
  readonly labels?: Dataset;
  /**
   * The field of the data that holds the truth; default: the data's labels, or what is called "label". Language models
   * are judged by the tokens that they are given.
   */
  readonly labelField?: string;
  /** The value of the graph that is judged; default: its only output, or the one named as the task has it. */
  readonly output?: string;
  /** Default 16, or the model's own where it is fixed. */
  readonly batchSize?: number;
  /** At most so many samples, chosen by the seed. */
  readonly limit?: number;
  /** Of the choice of samples and of the bootstrap; default 1. */
  readonly seed?: number;
  /** Field of the data by input of the model, where names differ. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Of the evaluator: classes' names, bins, the token that is not judged, and so on. */
  readonly options?: TaskOptions[Task];
  readonly adapter?: "webgpu" | "cpu";
  readonly signal?: AbortSignal;
  readonly onProgress?: (samples: number, of: number) => void;
}

export interface FileEvaluation<Task extends EvaluationTask = EvaluationTask> {
  /** What it ran on, for people. */
  readonly adapter: string;
  readonly data: string;
  /** The value that was judged. */
  readonly output: string;
  /** Samples that were run, of those that the data has. */
  readonly samples: number;
  readonly available: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly report: TaskReports[Task];
}

/**
 * Judges a model by a data set, on the device; with `against`, says whether it differs from the original by more than
 * chance.
 * @param data a data set whose fields are the model's inputs, prepared as the model takes them
 * @throws UsageError for an empty set, for data, labels or outputs that do not fit the task or each other, and where
 *   there is nothing to judge by; NonFiniteError where a model gives NaN; UnsupportedError naming a node that can't be
 *   run; FormatError, IoError, NoAdapterError, AbortedError
 * @example
 * const data = await openDataset(images, { labelSource });
 * const { report } = await evaluateFile(small, withPictures(data, "input"), { task: "classification", against: model });
 * console.log(report.model?.accuracy, report.difference?.mcnemar.pValue);
 */
export async function evaluateFile<Task extends EvaluationTask>(
  model: OnnxFile,
  data: Dataset,
  options: EvaluateFileOptions<Task>,
): Promise<FileEvaluation<Task>> {
  const { adapter = "webgpu" } = options;
  const truth = truthOf(data, model, options);
  requireCount(options.limit ?? 1, "a number of samples");
  if (adapter === "cpu") return await judge(new CpuBackend(graphKernelReferences), model, data, truth, options);
  const gpu = await openDevice();
  try {
    return await judge(new WebGpuBackend(gpu, graphKernelSpecs), model, data, truth, options);
  } finally {
    gpu.dispose();
  }
}

/** Undefined where there is none to be had: for language models, and against an original only. */
function truthOf<Task extends EvaluationTask>(
  data: Dataset,
  { onnx: { graph } }: OnnxFile,
  { task, labels, labelField, against }: EvaluateFileOptions<Task>,
): TruthSource | undefined {
  const details = { file: data.name };
  if (data.size === 0) throw new UsageError(`${data.name}: there is no sample in it.`, { details });
  if (task === "language-model") {
    if (!labels && labelField === undefined) return undefined;
    throw new UsageError("A language model is judged by the tokens that it is given, each by the one after it.", {
      hint: "Leave out the labels.",
    });
  }
  if (labels) return truthApart(data, labels, task === "embedding" ? 2 : 1);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const usual = data.fields.find(({ name }) => name === "label" && !inputs.has(name))?.name;
  // Labels of single samples say nothing about embeddings, which are judged in pairs.
  const field = task === "embedding" ? undefined : (labelField ?? data.labelField ?? usual);
  if (field !== undefined) return truthInside(data, field);
  if (against) return undefined;
  throw new UsageError(`${data.name}: there is nothing to judge the model by.`, {
    hint: "Give labels, the field that holds them, or the original to compare with.",
    details,
  });
}

async function judge<Task extends EvaluationTask>(
  backend: Backend,
  model: OnnxFile,
  data: Dataset,
  truth: TruthSource | undefined,
  options: EvaluateFileOptions<Task>,
): Promise<FileEvaluation<Task>> {
  const { task, against, output, fields = {}, seed = 1, limit = data.size, signal, onProgress } = options;
  const inputs = { ...data, fields: data.fields.filter(({ name }) => name !== truth?.field) };
  const opening = {
    task,
    given: new Set([...inputs.fields.map(({ name }) => name), ...Object.keys(fields)]),
    ...(output === undefined ? {} : { output }),
    ...(signal ? { signal } : {}),
  };
  const models: JudgedModel[] = [];
  try {
    models.push(await openJudged(model, backend, opening));
    if (against) models.push(await openJudged(against, backend, opening));
    const matched = models.map((each) => ({ each, fieldOf: matchFields(each.specs, inputs, fields) }));
    const samplesPerRow = truth?.samplesPerRow ?? 1;
    const batchSize = batchSizeOf(models, options.batchSize, samplesPerRow);
    const right = task === "language-model" ? truthInside(data, tokensOf(matched[0]?.fieldOf, data)) : truth;
    const evaluator = openEvaluator(task, { seed, ...options.options });
    const chosen = choose(data.size, limit, samplesPerRow, seed);
    for (let start = 0; start < chosen.length; start += batchSize) {
      throwIfAborted(signal);
      const indices = chosen.slice(start, start + batchSize);
      const batch = await data.read(filledUp(indices, models), signal);
      const answers = [];
      for (const { each, fieldOf } of matched) {
        const answer = await each.run(feedsOf(batch, each.specs, fieldOf, data.name), indices.length);
        refuseNaN(each, answer, indices);
        answers.push(answer);
      }
      const [judged, original] = answers;
      const known = await right?.read(indices, batch, signal);
      if (judged) evaluator.add({ output: judged, ...(original && { original }), ...(known && { truth: known }) });
      onProgress?.(start + indices.length, chosen.length);
    }
    return {
      adapter: backend.profile.description,
      data: data.name,
      output: models[0]?.output ?? "",
      samples: chosen.length,
      available: data.size,
      batchSize,
      seed,
      report: evaluator.result(),
    };
  } finally {
    for (const each of models) each.dispose();
  }
}

/** The field that feeds a language model its tokens. */
function tokensOf(matched: ReturnType<typeof matchFields> | undefined, data: Dataset): string {
  const field = matched?.get("input_ids") ?? matched?.values().next().value;
  if (field) return field.name;
  throw new UsageError(`${data.name}: no field feeds the model.`, { details: { file: data.name } });
}

/** Indices in ascending order; fewer than there are: chosen at random, rows of truth as a whole. */
function choose(size: number, limit: number, samplesPerRow: number, seed: number): readonly number[] {
  const rows = size / samplesPerRow;
  const wanted = Math.min(rows, Math.ceil(limit / samplesPerRow));
  // Files are often sorted by class: their first samples would be of one.
  const chosen =
    wanted < rows
      ? permutation(rows, seed).subarray(0, wanted).toSorted()
      : Array.from({ length: rows }, (_, row) => row);
  return Array.from(chosen).flatMap((row) =>
    Array.from({ length: samplesPerRow }, (_, at) => row * samplesPerRow + at),
  );
}

function batchSizeOf(models: readonly JudgedModel[], asked: number | undefined, samplesPerRow: number): number {
  for (const { name, fixedBatch } of models) {
    if (fixedBatch === undefined || asked === undefined || fixedBatch === asked) continue;
    throw new UsageError(`${name} takes ${fixedBatch} samples at a time, not ${asked}.`, { details: { file: name } });
  }
  const size = asked ?? models.find(({ fixedBatch }) => fixedBatch !== undefined)?.fixedBatch ?? 16;
  requireCount(size, "a batch size");
  if (size % samplesPerRow === 0) return size;
  throw new UsageError(
    `Batches of ${size} samples would tear apart what is judged ${samplesPerRow} by ${samplesPerRow}.`,
    {
      hint: `Choose a batch size that ${samplesPerRow} divides.`,
    },
  );
}

/** A model of a fixed batch size gets its last sample again until the batch is full. */
function filledUp(indices: readonly number[], models: readonly JudgedModel[]): readonly number[] {
  const size = models.find(({ fixedBatch }) => fixedBatch !== undefined)?.fixedBatch ?? indices.length;
  return Array.from({ length: size }, (_, at) => indices[Math.min(at, indices.length - 1)] ?? 0);
}
