// One door to all tasks: batches of answers in, one plain report out. Holds no data set: batches are added up as they
// come, and only what a metric must keep of every sample is kept.
import { UsageError } from "../base/errors.ts";
import type { EvaluationBatch, Evaluator } from "./tasks/batch.ts";
import {
  ClassificationEvaluator,
  type ClassificationOptions,
  type ClassificationReport,
} from "./tasks/classification.ts";
import { EmbeddingEvaluator, type EmbeddingOptions, type EmbeddingReport } from "./tasks/embedding.ts";
import { LanguageModelEvaluator, type LanguageModelOptions, type LanguageModelReport } from "./tasks/language-model.ts";
import { RegressionEvaluator, type RegressionOptions, type RegressionReport } from "./tasks/regression.ts";
import { SegmentationEvaluator, type SegmentationOptions, type SegmentationReport } from "./tasks/segmentation.ts";

export interface TaskOptions {
  readonly classification: ClassificationOptions;
  readonly "language-model": LanguageModelOptions;
  readonly embedding: EmbeddingOptions;
  readonly regression: RegressionOptions;
  readonly segmentation: SegmentationOptions;
}

export interface TaskReports {
  readonly classification: ClassificationReport;
  readonly "language-model": LanguageModelReport;
  readonly embedding: EmbeddingReport;
  readonly regression: RegressionReport;
  readonly segmentation: SegmentationReport;
}

export type EvaluationTask = keyof TaskReports;
export type EvaluationReport = TaskReports[EvaluationTask];

type Openers = {
  readonly [Task in EvaluationTask]: (options: TaskOptions[Task]) => Evaluator<EvaluationBatch, TaskReports[Task]>;
};

const openers: Openers = {
  classification: (options) => new ClassificationEvaluator(options),
  "language-model": (options) => new LanguageModelEvaluator(options),
  embedding: (options) => new EmbeddingEvaluator(options),
  regression: (options) => new RegressionEvaluator(options),
  segmentation: (options) => new SegmentationEvaluator(options),
};

export const evaluationTasks = Object.keys(openers) as readonly EvaluationTask[];

/**
 * Opens an evaluation to which batches are added by hand; two over halves of a data set can be merged.
 * @throws UsageError for an unknown task
 */
export function openEvaluator<Task extends EvaluationTask>(
  task: Task,
  options: TaskOptions[Task] = {},
): Evaluator<EvaluationBatch, TaskReports[Task]> {
  if (!Object.hasOwn(openers, task)) {
    throw new UsageError(`There is no task "${task}". There are ${evaluationTasks.join(", ")}.`);
  }
  return openers[task](options);
}

/**
 * Evaluates a model's answers, and compares them with the original's where batches have both. The report is plain
 * data and survives JSON: what is not defined is null.
 * @throws UsageError where no batch comes, or batches do not fit the task or each other
 * @example await evaluateOutputs("classification", [{ output: logits, truth: { dims: [32], data: labels } }])
 */
export async function evaluateOutputs<Task extends EvaluationTask>(
  task: Task,
  batches: AsyncIterable<EvaluationBatch> | Iterable<EvaluationBatch>,
  options: TaskOptions[Task] = {},
): Promise<TaskReports[Task]> {
  const evaluator = openEvaluator(task, options);
  for await (const batch of batches) evaluator.add(batch);
  return evaluator.result();
}
