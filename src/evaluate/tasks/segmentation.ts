// Evaluates semantic segmentation: mean IoU and pixel accuracy against labelled pictures, agreement with the original.
// Intervals draw whole pictures.
import { UsageError } from "../../base/errors.ts";
import { confusionFigures, noClass, type Confusion } from "../metrics/confusion.ts";
import { imbalanceWarnings, type ClassNames } from "../metrics/imbalance.ts";
import { segmentationFigures, type SegmentationFigures } from "../metrics/segmentation.ts";
import { bootstrap, type Interval, type Statistic } from "../statistics/bootstrap.ts";
import { confusionStatistic } from "../statistics/confusion-statistic.ts";
import { pairedBootstrap, type PairedDifference } from "../statistics/paired-bootstrap.ts";
import type { OutputTensor } from "../tensors.ts";
import {
  bootstrapOptions,
  checkBatch,
  Parts,
  requireTruth,
  sameKind,
  type EvaluationBatch,
  type EvaluationOptions,
  type Evaluator,
} from "./batch.ts";

export interface SegmentationOptions extends EvaluationOptions, ClassNames {
  /** Where the classes are in the scores: [samples, classes, height, width] (default) or classes last. */
  readonly layout?: "NCHW" | "NHWC";
  /** A label of pixels that are not judged; default 255. */
  readonly ignore?: number;
}

export interface SegmentationReport {
  readonly task: "segmentation";
  readonly samples: number;
  readonly classes: number;
  readonly model?: SegmentationFigures & { readonly meanIouInterval?: Interval };
  readonly original?: SegmentationFigures & { readonly meanIouInterval?: Interval };
  /** With the original's answers: the original's classes taken for the truth. */
  readonly agreement?: { readonly samePixels: number; readonly meanIou: number };
  readonly difference?: { readonly meanIou?: PairedDifference };
  readonly warnings: readonly string[];
}

const kinds = ["model", "original", "agreement"] as const;
type Kind = (typeof kinds)[number];
/** One picture's counts, those that are not 0. */
type Picture = readonly Confusion[];

/** Outputs are scores of every pixel's classes; the truth is one class index a pixel, [samples, height, width]. */
export class SegmentationEvaluator implements Evaluator<EvaluationBatch, SegmentationReport> {
  readonly #options: SegmentationOptions;
  readonly #parts = new Parts();
  readonly #pictures: Readonly<Record<Kind, Picture[]>> = { model: [], original: [], agreement: [] };
  #classes: number | undefined;
  #samples = 0;
  #nonFinite = 0;

  constructor(options: SegmentationOptions = {}) {
    this.#options = options;
  }

  /** @throws UsageError where shapes do not fit the task or each other, or a label is no class */
  add(batch: EvaluationBatch): void {
    checkBatch(batch);
    this.#parts.check(batch);
    const { output, original, truth } = batch;
    const { layout = "NCHW", ignore = 255 } = this.#options;
    const [samples = 0, second = 0, third = 0, last = 0] = output.dims;
    const [classes, height, width] = layout === "NCHW" ? [second, third, last] : [last, second, third];
    if (output.dims.length !== 4 || classes < 2) {
      throw new UsageError(`Output "${output.name}" is [${output.dims.join(", ")}], not scores of ${layout}.`, {
        hint: "Choose the output that holds the scores, the other layout, or another task.",
      });
    }
    this.#classes ??= classes;
    if (classes !== this.#classes)
      throw new UsageError(`Output "${output.name}" has ${classes} classes here and ${this.#classes} before.`);
    if (truth) requireTruth(output, truth, [samples, height, width]);
    const pixels = height * width;
    for (let sample = 0; sample < samples; sample++) {
      const predicted = bestOfPixels(output, sample, classes, pixels, layout);
      const before = original && bestOfPixels(original, sample, classes, pixels, layout);
      this.#nonFinite += predicted.filter((value) => value === noClass).length;
      const labels =
        truth && Float64Array.from({ length: pixels }, (_, pixel) => truth.data[sample * pixels + pixel] ?? 0);
      if (labels) this.#pictures.model.push(count(labels, predicted, classes, ignore));
      if (labels && before) this.#pictures.original.push(count(labels, before, classes, ignore));
      if (before) this.#pictures.agreement.push(count(before, predicted, classes, noClass));
    }
    this.#samples += samples;
  }

  merge(evaluator: Evaluator<EvaluationBatch, SegmentationReport>): void {
    const other = sameKind(evaluator, SegmentationEvaluator);
    this.#parts.merge(other.#parts);
    this.#classes ??= other.#classes;
    if (other.#classes !== undefined && other.#classes !== this.#classes) {
      throw new UsageError(`Pictures of ${other.#classes} classes can't be added to those of ${this.#classes}.`);
    }
    for (const kind of kinds) this.#pictures[kind].push(...other.#pictures[kind]);
    this.#samples += other.#samples;
    this.#nonFinite += other.#nonFinite;
  }

  /** @throws UsageError where no picture was added, or all pixels are ignored */
  result(): SegmentationReport {
    const classes = this.#classes;
    if (classes === undefined || this.#samples === 0) throw new UsageError("There is no sample to evaluate.");
    const { hasOriginal, hasTruth } = this.#parts;
    const { model, original, agreement } = this.#pictures;
    if (hasTruth && model.every((picture) => picture.length === 0)) {
      throw new UsageError("All pixels are ignored: there is nothing to evaluate.");
    }
    const options = bootstrapOptions(this.#options);
    const same = segmentationFigures(agreement.flat());
    return {
      task: "segmentation",
      samples: this.#samples,
      classes,
      ...(hasTruth && { model: this.#figures(model) }),
      ...(hasTruth && hasOriginal && { original: this.#figures(original) }),
      ...(hasOriginal && { agreement: { samePixels: same.pixelAccuracy, meanIou: same.meanIou } }),
      ...(hasTruth &&
        hasOriginal && {
          difference: options ? { meanIou: pairedBootstrap(this.#samples, iou(original), iou(model), options) } : {},
        }),
      warnings: this.#warnings(classes),
    };
  }

  #figures(pictures: readonly Picture[]): NonNullable<SegmentationReport["model"]> {
    const options = bootstrapOptions(this.#options);
    return {
      ...segmentationFigures(pictures.flat()),
      ...(options && { meanIouInterval: bootstrap(pictures.length, iou(pictures), options) }),
    };
  }

  #warnings(classes: number): readonly string[] {
    const warnings: string[] = [];
    if (this.#nonFinite > 0) warnings.push(`The model gives NaN for ${this.#nonFinite} pixels; they count as wrong.`);
    if (!this.#parts.hasTruth) return warnings;
    const { perClass, accuracy } = confusionFigures(this.#pictures.model.flat());
    const support = Array.from({ length: classes }, () => 0);
    for (const figures of perClass) support[figures.class] = figures.support;
    return [...warnings, ...imbalanceWarnings(support, accuracy, { ...this.#options, unit: "pixel" })];
  }
}

const iou = (pictures: readonly Picture[]): Statistic =>
  confusionStatistic(pictures, (pairs) => segmentationFigures(pairs).meanIou);

/** The best class of every pixel, the lowest of equals; `noClass` where all scores are NaN or one is. */
function bestOfPixels(
  { data }: OutputTensor,
  sample: number,
  classes: number,
  pixels: number,
  layout: "NCHW" | "NHWC",
): Float64Array {
  const [classStep, pixelStep] = layout === "NCHW" ? [pixels, 1] : [1, classes];
  const start = sample * classes * pixels;
  return Float64Array.from({ length: pixels }, (_, pixel) => {
    let [best, largest] = [noClass, Number.NEGATIVE_INFINITY];
    for (let index = 0; index < classes; index++) {
      const value = data[start + index * classStep + pixel * pixelStep] ?? 0;
      if (Number.isNaN(value)) return noClass;
      if (value <= largest) continue;
      [best, largest] = [index, value];
    }
    return best;
  });
}

function count(labels: Float64Array, predicted: Float64Array, classes: number, ignore: number): Picture {
  const counts = new Map<number, number>();
  for (let pixel = 0; pixel < labels.length; pixel++) {
    const label = labels[pixel] ?? 0;
    if (label === ignore) continue;
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new UsageError(`Label ${label} of pixel ${pixel} is not one of the ${classes} classes.`, {
        hint: "Check how the pictures number their classes, and which label is to be ignored.",
      });
    }
    const key = label * (classes + 1) + (predicted[pixel] ?? 0) + 1;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Array.from(counts, ([key, times]) => ({
    label: Math.floor(key / (classes + 1)),
    predicted: (key % (classes + 1)) - 1,
    count: times,
  }));
}
