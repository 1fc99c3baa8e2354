// What the evaluators take: a batch of a model's answers, with the truth and the original's answers where there are any.
import { elementCount } from "../../base/dtypes.ts";
import { UsageError } from "../../base/errors.ts";
import type { BootstrapOptions } from "../statistics/bootstrap.ts";
import type { OutputTensor } from "../tensors.ts";

export interface Truth {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

export interface EvaluationBatch {
  /** The answers of the model that is judged; the first axis counts samples. */
  readonly output: OutputTensor;
  /** The original's answers to the same inputs, of the same shape. All batches have them or none. */
  readonly original?: OutputTensor;
  /** What is right; all batches have it or none. */
  readonly truth?: Truth;
}

export interface EvaluationOptions extends Omit<BootstrapOptions, "method"> {
  /** Confidence intervals; default bca. */
  readonly intervals?: "bca" | "percentile" | "none";
}

/** Adds up batches; `merge` adds what another of the same task and options has seen. */
export interface Evaluator<Batch, Report> {
  add(batch: Batch): void;
  merge(other: Evaluator<Batch, Report>): void;
  result(): Report;
}

/** Options for the bootstrap; undefined where no intervals are wanted. */
export const bootstrapOptions = (options: EvaluationOptions): BootstrapOptions | undefined => {
  const { intervals = "bca", level, resamples, seed } = options;
  if (intervals === "none") return undefined;
  return {
    method: intervals,
    ...(level !== undefined && { level }),
    ...(resamples !== undefined && { resamples }),
    ...(seed !== undefined && { seed }),
  };
};

const shape = (dims: readonly number[]): string => `[${dims.join(", ")}]`;

/** @throws UsageError where a tensor's data does not fit its dims, or the original's dims differ */
export function checkBatch({ output, original, truth }: EvaluationBatch): void {
  for (const { dims, data } of [output, original, truth].filter((tensor) => tensor !== undefined)) {
    if (elementCount(dims) !== data.length) {
      throw new UsageError(
        `Output "${output.name}": a tensor of shape ${shape(dims)} can't have ${data.length} elements.`,
      );
    }
  }
  if (original && original.dims.join() !== output.dims.join()) {
    throw new UsageError(
      `Output "${output.name}" is ${shape(output.dims)}, but ${shape(original.dims)} in the original.`,
      { hint: "Compare models that give outputs of the same shape for the same inputs." },
    );
  }
}

/** Sees to it that all batches have the same parts, so that figures are over the same samples. */
export class Parts {
  #seen: string | undefined;

  get hasOriginal(): boolean {
    return this.#seen?.includes("original") ?? false;
  }

  get hasTruth(): boolean {
    return this.#seen?.includes("truth") ?? false;
  }

  /** @throws UsageError where a batch has a part that another lacks */
  check({ original, truth }: EvaluationBatch): void {
    this.#require([original && "original", truth && "truth"].filter(Boolean).join(" and "));
  }

  merge(other: Parts): void {
    if (other.#seen !== undefined) this.#require(other.#seen);
  }

  #require(parts: string): void {
    this.#seen ??= parts;
    if (parts !== this.#seen) {
      throw new UsageError(
        `One batch comes with ${parts || "nothing to compare with"}, another with ${this.#seen || "nothing"}.`,
        { hint: "Give the truth and the original's answers with every batch or with none." },
      );
    }
  }
}

/** Without axes of 1, but for the first. */
const plain = (dims: readonly number[]): string => dims.filter((dim, axis) => axis === 0 || dim !== 1).join();

/** @throws UsageError for a truth of another shape than the answers call for */
export function requireTruth(output: OutputTensor, truth: Truth, wanted: readonly number[]): void {
  if (plain(truth.dims) === plain(wanted)) return;
  throw new UsageError(
    `Output "${output.name}" is ${shape(output.dims)}, which calls for a truth of ${shape(wanted)}, not ${shape(truth.dims)}.`,
    { hint: "Check the task, and which field holds the truth." },
  );
}

/** The other side of a merge, if it is of the same kind. */
export function sameKind<T>(other: unknown, kind: abstract new (...args: never[]) => T): T {
  if (other instanceof kind) return other;
  throw new UsageError("Only evaluators of the same task can be merged.");
}

/** JSON has no NaN and no infinity: null stands for a figure that is not defined. */
export const orNull = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;
