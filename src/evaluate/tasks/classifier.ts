// One classifier's figures over a stream of samples: what `classification.ts` keeps of the compressed model and, where
// there is one, of the original.
import { CalibrationError, type CalibrationBin } from "../metrics/calibration-error.ts";
import {
  ConfusionMatrix,
  confusionFigures,
  noClass,
  type Confusion,
  type ConfusionFigures,
} from "../metrics/confusion.ts";
import { NumberList } from "../../base/number-list.ts";
import { OneVsRestRocAuc } from "../metrics/roc-auc.ts";
import { bestClass, isDistribution, logProbabilities, type ScoreKind, type ScoreRow } from "../metrics/scores.ts";
import { TopKAccuracy } from "../metrics/top-k.ts";
import {
  bootstrap,
  bootstrapMean,
  type BootstrapOptions,
  type Interval,
  type Statistic,
} from "../statistics/bootstrap.ts";
import { confusionStatistic } from "../statistics/confusion-statistic.ts";
import { orNull } from "./batch.ts";

export interface ClassifierFigures extends ConfusionFigures {
  readonly topK: readonly { readonly k: number; readonly accuracy: number }[];
  /** Mean -ln of the right class's probability, in nats; null where a model rules a right class out. */
  readonly crossEntropy: number | null;
  readonly calibration: {
    readonly expected: number;
    readonly maximum: number;
    readonly bins: readonly CalibrationBin[];
  };
  /** Absent above `maxAucClasses` classes; null where a class lacks samples on one side. */
  readonly rocAuc?: { readonly macro: number | null; readonly perClass: readonly (number | null)[] };
  /** Rows are labels, columns predictions; absent above 100 classes. */
  readonly confusionMatrix?: readonly (readonly number[])[];
  /** What is mistaken for what most often, at most ten pairs. */
  readonly mostConfused: readonly Confusion[];
  /** Samples whose scores hold NaN or infinity: wrong in all figures, left out of cross-entropy, calibration and AUC. */
  readonly nonFinite: number;
  readonly intervals?: {
    readonly accuracy: Interval;
    readonly balancedAccuracy: Interval;
    readonly macroF1: Interval;
  };
}

const maxMatrixClasses = 100;

/** Streams: add samples, merge, take figures at any time. */
export class Classifier {
  readonly #classes: number;
  readonly #confusion: ConfusionMatrix;
  readonly #topK: TopKAccuracy;
  readonly #calibration: CalibrationError;
  readonly #auc: OneVsRestRocAuc | undefined;
  readonly #labels = new NumberList();
  readonly #predictions = new NumberList();
  #nats = 0;
  #nonFinite = 0;

  constructor(classes: number, ks: readonly number[], bins: number, maxAucClasses: number) {
    this.#classes = classes;
    this.#confusion = new ConfusionMatrix(classes);
    this.#topK = new TopKAccuracy(ks.filter((k) => k < classes || k === 1));
    this.#calibration = new CalibrationError(bins);
    this.#auc = classes <= maxAucClasses ? new OneVsRestRocAuc(classes) : undefined;
  }

  add(row: ScoreRow, kind: ScoreKind, label: number): void {
    const usable = isDistribution(row);
    const predicted = usable ? bestClass(row) : noClass;
    this.#topK.add(row, label);
    this.#confusion.add(label, predicted);
    this.#labels.push(label);
    this.#predictions.push(predicted);
    if (!usable) {
      this.#nonFinite++;
      return;
    }
    const logs = logProbabilities(row, kind);
    this.#nats -= logs[label] ?? 0;
    this.#calibration.add(Math.exp(logs[predicted] ?? 0), predicted === label);
    this.#auc?.add(logs.map(Math.exp), label);
  }

  merge(other: Classifier): void {
    this.#topK.merge(other.#topK);
    this.#confusion.merge(other.#confusion);
    this.#calibration.merge(other.#calibration);
    if (other.#auc) this.#auc?.merge(other.#auc);
    this.#labels.append(other.#labels.values());
    this.#predictions.append(other.#predictions.values());
    this.#nats += other.#nats;
    this.#nonFinite += other.#nonFinite;
  }

  /** Samples by class. */
  support(): number[] {
    const support = Array.from({ length: this.#classes }, () => 0);
    for (const { label, count } of this.#confusion.pairs()) support[label] = (support[label] ?? 0) + count;
    return support;
  }

  /** 1 where a sample is right, else 0, in the order of the samples. */
  hits(): Float64Array {
    const predictions = this.#predictions.values();
    return this.#labels.values().map((label, index) => (label === predictions[index] ? 1 : 0));
  }

  /** A figure of the confusion matrix, of some samples. */
  statistic(figure: (figures: ConfusionFigures) => number): Statistic {
    const [labels, predictions] = [this.#labels.values(), this.#predictions.values()];
    const samples = Array.from(labels, (label, index) => [
      { label, predicted: predictions[index] ?? noClass, count: 1 },
    ]);
    return confusionStatistic(samples, (pairs) => figure(confusionFigures(pairs)));
  }

  result(options: BootstrapOptions | undefined): ClassifierFigures {
    const usable = this.#labels.length - this.#nonFinite;
    const auc = this.#auc?.result();
    const wrong = this.#confusion
      .pairs()
      .filter(({ label, predicted }) => label !== predicted && predicted !== noClass);
    return {
      ...this.#confusion.figures(),
      topK: this.#topK.result(),
      crossEntropy: orNull(usable === 0 ? undefined : this.#nats / usable),
      calibration: this.#calibration.result(),
      ...(auc && { rocAuc: { macro: orNull(auc.macro), perClass: auc.perClass.map(orNull) } }),
      ...(this.#classes <= maxMatrixClasses && { confusionMatrix: this.#confusion.matrix() }),
      mostConfused: wrong.toSorted((a, b) => b.count - a.count).slice(0, 10),
      nonFinite: this.#nonFinite,
      ...(options && this.#labels.length > 0 && { intervals: this.#intervals(options) }),
    };
  }

  #intervals(options: BootstrapOptions): NonNullable<ClassifierFigures["intervals"]> {
    const of = (figure: (figures: ConfusionFigures) => number): Interval =>
      bootstrap(this.#labels.length, this.statistic(figure), options);
    return {
      accuracy: bootstrapMean(this.hits(), options),
      balancedAccuracy: of((figures) => figures.balancedAccuracy),
      macroF1: of((figures) => figures.f1.macro),
    };
  }
}
