// Evaluates classifiers: accuracy and its kin against labels, agreement with the original, and whether the difference
// between the two is more than chance.
import { UsageError } from "../../base/errors.ts";
import { imbalanceWarnings, type ClassNames } from "../metrics/imbalance.ts";
import { NumberList } from "../../base/number-list.ts";
import {
  bestClass,
  isDistribution,
  klDivergence,
  logProbabilities,
  rowsAreProbabilities,
  type ScoreKind,
  type ScoreRow,
} from "../metrics/scores.ts";
import { bootstrapMean, type Interval, type Statistic } from "../statistics/bootstrap.ts";
import { mcnemar, type McNemarResult } from "../statistics/mcnemar.ts";
import { pairedBootstrap, pairedBootstrapMean, type PairedDifference } from "../statistics/paired-bootstrap.ts";
import type { OutputTensor } from "../tensors.ts";
import {
  bootstrapOptions,
  checkBatch,
  orNull,
  Parts,
  requireTruth,
  sameKind,
  type EvaluationBatch,
  type EvaluationOptions,
  type Evaluator,
} from "./batch.ts";
import { Classifier, type ClassifierFigures } from "./classifier.ts";

export interface ClassificationOptions extends EvaluationOptions, ClassNames {
  /** Default [1, 5]; those not below the number of classes are left out. */
  readonly topK?: readonly number[];
  /** Bins of the calibration error; default 15. */
  readonly bins?: number;
  /** What the scores are; default: seen from the first batch. */
  readonly scores?: ScoreKind;
  /** Above so many classes no AUC is worked out, since all scores are kept for it; default 64. */
  readonly maxAucClasses?: number;
}

export interface ClassificationReport {
  readonly task: "classification";
  readonly samples: number;
  readonly classes: number;
  readonly scores: ScoreKind;
  readonly classNames?: readonly string[];
  /** The model that is judged; with labels only. */
  readonly model?: ClassifierFigures;
  /** With labels and the original's answers. */
  readonly original?: ClassifierFigures;
  /** With the original's answers. */
  readonly agreement?: {
    /** Share of samples with the same best class. */
    readonly sameTopClass: number;
    /** Mean KL(original || model) in nats; null where the model rules out what the original allows. */
    readonly klDivergence: number | null;
    readonly klInterval?: Interval;
    /** Samples that were compared: those without NaN in either. */
    readonly compared: number;
  };
  /** With labels and the original's answers. */
  readonly difference?: {
    readonly mcnemar: McNemarResult;
    readonly accuracy?: PairedDifference;
    readonly macroF1?: PairedDifference;
  };
  /** Sentences for the user. */
  readonly warnings: readonly string[];
}

interface State {
  readonly classes: number;
  readonly kind: ScoreKind;
  readonly model: Classifier;
  readonly original: Classifier;
}

/**
 * Outputs are [samples, classes] scores, further axes of 1 allowed; one score a sample stands for two classes, as the
 * probability or logit of class 1. The truth is one class index a sample.
 */
export class ClassificationEvaluator implements Evaluator<EvaluationBatch, ClassificationReport> {
  readonly #options: ClassificationOptions;
  readonly #parts = new Parts();
  readonly #divergences = new NumberList();
  #state: State | undefined;
  #samples = 0;
  #sameTop = 0;

  constructor(options: ClassificationOptions = {}) {
    this.#options = options;
  }

  /** @throws UsageError where shapes do not fit the task or each other, or a label is no class */
  add(batch: EvaluationBatch): void {
    checkBatch(batch);
    this.#parts.check(batch);
    const { output, original, truth } = batch;
    const samples = output.dims[0] ?? 1;
    const width = samples === 0 ? 0 : output.data.length / samples;
    if (output.dims.filter((dim, axis) => axis > 0 && dim !== 1).length > 1 || output.dims.length < 1 || width === 0) {
      throw new UsageError(`Output "${output.name}" is [${output.dims.join(", ")}], not [samples, classes].`, {
        hint: "Choose the output that holds the scores, or another task.",
      });
    }
    if (truth) requireTruth(output, truth, [samples]);
    const state = (this.#state ??= this.#open(output, width));
    if (Math.max(2, width) !== state.classes) {
      throw new UsageError(`Output "${output.name}" has ${width} classes here and ${state.classes} before.`);
    }
    for (let sample = 0; sample < samples; sample++) {
      const row = rowAt(output, sample, width, state.kind);
      const other = original && rowAt(original, sample, width, state.kind);
      if (other) this.#compare(row, other, state.kind);
      if (!truth) continue;
      const label = truth.data[sample] ?? 0;
      state.model.add(row, state.kind, label);
      if (other) state.original.add(other, state.kind, label);
    }
    this.#samples += samples;
  }

  #open(output: OutputTensor, width: number): State {
    const { topK = [1, 5], bins = 15, maxAucClasses = 64, scores } = this.#options;
    const inRange =
      width === 1 ? output.data.every((value) => value >= 0 && value <= 1) : rowsAreProbabilities(output.data, width);
    const classes = Math.max(2, width);
    const open = (): Classifier => new Classifier(classes, topK, bins, maxAucClasses);
    return { classes, kind: scores ?? (inRange ? "probabilities" : "logits"), model: open(), original: open() };
  }

  #compare(row: ScoreRow, original: ScoreRow, kind: ScoreKind): void {
    if (!isDistribution(row) || !isDistribution(original)) return;
    this.#divergences.push(klDivergence(logProbabilities(original, kind), logProbabilities(row, kind)));
    if (bestClass(row) === bestClass(original)) this.#sameTop++;
  }

  merge(evaluator: Evaluator<EvaluationBatch, ClassificationReport>): void {
    const other = sameKind(evaluator, ClassificationEvaluator);
    this.#parts.merge(other.#parts);
    const from = other.#state;
    if (!from) return;
    const open = (): Classifier => {
      const { topK = [1, 5], bins = 15, maxAucClasses = 64 } = this.#options;
      return new Classifier(from.classes, topK, bins, maxAucClasses);
    };
    const state = (this.#state ??= { ...from, model: open(), original: open() });
    state.model.merge(from.model);
    state.original.merge(from.original);
    this.#divergences.append(other.#divergences.values());
    this.#samples += other.#samples;
    this.#sameTop += other.#sameTop;
  }

  /** @throws UsageError where no sample was added */
  result(): ClassificationReport {
    const state = this.#state;
    if (!state || this.#samples === 0) throw new UsageError("There is no sample to evaluate.");
    const options = bootstrapOptions(this.#options);
    const { hasTruth, hasOriginal } = this.#parts;
    const model = hasTruth ? state.model.result(options) : undefined;
    const original = hasTruth && hasOriginal ? state.original.result(options) : undefined;
    const warnings = model ? [...imbalanceWarnings(state.model.support(), model.accuracy, this.#options)] : [];
    if (model && model.nonFinite > 0) {
      warnings.push(`The model gives NaN or infinity for ${model.nonFinite} of ${this.#samples} samples.`);
    }
    return {
      task: "classification",
      samples: this.#samples,
      classes: state.classes,
      scores: state.kind,
      ...(this.#options.classNames && { classNames: this.#options.classNames }),
      ...(model && { model }),
      ...(original && { original }),
      ...(hasOriginal && { agreement: this.#agreement() }),
      ...(original && { difference: this.#difference(state) }),
      warnings,
    };
  }

  #agreement(): NonNullable<ClassificationReport["agreement"]> {
    const divergences = this.#divergences.values();
    const compared = divergences.length;
    const options = bootstrapOptions(this.#options);
    const mean = divergences.reduce((sum, value) => sum + value, 0) / compared;
    return {
      sameTopClass: compared === 0 ? 0 : this.#sameTop / compared,
      klDivergence: orNull(mean),
      ...(options && Number.isFinite(mean) && { klInterval: bootstrapMean(divergences, options) }),
      compared,
    };
  }

  #difference({ model, original }: State): NonNullable<ClassificationReport["difference"]> {
    const [before, after] = [original.hits(), model.hits()];
    const options = bootstrapOptions(this.#options);
    return {
      mcnemar: mcnemar(only(before, after), only(after, before)),
      ...(options && {
        accuracy: pairedBootstrapMean(before, after, options),
        macroF1: pairedBootstrap(before.length, macroF1(original), macroF1(model), options),
      }),
    };
  }
}

const macroF1 = (classifier: Classifier): Statistic => classifier.statistic((figures) => figures.f1.macro);

/** Samples that the first gets right and the second wrong. */
const only = (first: Float64Array, second: Float64Array): number =>
  first.filter((hit, index) => hit > (second[index] ?? 0)).length;

function rowAt({ data }: OutputTensor, sample: number, width: number, kind: ScoreKind): ScoreRow {
  if (width > 1) return data.subarray(sample * width, (sample + 1) * width);
  const score = data[sample] ?? 0;
  return Float64Array.of(kind === "probabilities" ? 1 - score : 0, score);
}
