// The confusion matrix, and everything that follows from it: accuracy, balanced accuracy, precision, recall and F1
// per class and averaged. Sparse, so that thousands of classes cost only the pairs that occur.
// Definitions: Sokolova and Lapalme, "A systematic analysis of performance measures for classification tasks", 2009;
// balanced accuracy: Brodersen et al., "The balanced accuracy and its posterior distribution", 2010.
import { UsageError } from "../../base/errors.ts";

/** Predicted where a model gives no usable scores: wrong, but no false positive of any class. */
export const noClass = -1;

export interface ClassFigures {
  readonly class: number;
  /** Samples of this class. */
  readonly support: number;
  /** Samples taken for this class. */
  readonly predicted: number;
  /** Samples of this class taken for it. */
  readonly right: number;
  /** Right among those predicted; 0 where none is. */
  readonly precision: number;
  /** Right among those of the class, also called the class's accuracy; 0 where the class has none. */
  readonly recall: number;
  /** Harmonic mean of precision and recall; 0 where both are. */
  readonly f1: number;
}

/** One figure averaged over classes. */
export interface Averages {
  /** From the counts of all classes together. */
  readonly micro: number;
  /** Plain mean over the classes that occur in labels or predictions. */
  readonly macro: number;
  /** Mean weighted by support. */
  readonly weighted: number;
}

export interface ConfusionFigures {
  readonly samples: number;
  /** Share of samples predicted right; 0 without samples. */
  readonly accuracy: number;
  /** Mean recall over the classes that have samples. */
  readonly balancedAccuracy: number;
  readonly precision: Averages;
  readonly recall: Averages;
  readonly f1: Averages;
  /** Classes that occur in labels or predictions, ascending. */
  readonly perClass: readonly ClassFigures[];
}

export interface Confusion {
  readonly label: number;
  readonly predicted: number;
  readonly count: number;
}

/** Counts of (label, predicted) pairs. Streams: add samples, merge matrices, take figures at any time. */
export class ConfusionMatrix {
  readonly classes: number;
  readonly #counts = new Map<number, number>();

  /** @throws UsageError unless `classes` is a positive integer below 2^24 */
  constructor(classes: number) {
    if (!Number.isInteger(classes) || classes < 1 || classes >= 2 ** 24) {
      throw new UsageError(`${classes} is not a number of classes.`);
    }
    this.classes = classes;
  }

  /** @throws UsageError where the label or the prediction is no class */
  add(label: number, predicted: number, count = 1): void {
    const isClass = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < this.classes;
    if (!isClass(label) || !(isClass(predicted) || predicted === noClass)) {
      const wrong = isClass(label) ? predicted : label;
      throw new UsageError(`${wrong} is not one of the ${this.classes} classes, which are numbered from 0.`, {
        hint: "Check which column or file holds the labels, and whether they count from 0.",
      });
    }
    const key = label * (this.classes + 1) + predicted + 1;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  /** @throws UsageError where the other counts another number of classes */
  merge(other: ConfusionMatrix): void {
    if (other.classes !== this.classes) {
      throw new UsageError(`A confusion matrix of ${other.classes} classes can't be added to one of ${this.classes}.`);
    }
    for (const { label, predicted, count } of other.pairs()) this.add(label, predicted, count);
  }

  /** The pairs that occur, by label and then by prediction. */
  pairs(): readonly Confusion[] {
    return [...this.#counts]
      .toSorted(([a], [b]) => a - b)
      .map(([key, count]) => ({
        label: Math.floor(key / (this.classes + 1)),
        predicted: (key % (this.classes + 1)) - 1,
        count,
      }));
  }

  /** Rows are labels, columns predictions; samples without a prediction are in no column. */
  matrix(): number[][] {
    const rows = Array.from({ length: this.classes }, () => Array.from({ length: this.classes }, () => 0));
    for (const { label, predicted, count } of this.pairs()) {
      const row = rows[label];
      if (row && predicted !== noClass) row[predicted] = count;
    }
    return rows;
  }

  figures(): ConfusionFigures {
    return confusionFigures(this.pairs());
  }
}

/** Figures from pairs of label and prediction with their counts; a pair may come several times. */
export function confusionFigures(pairs: Iterable<Confusion>): ConfusionFigures {
  const tallies = new Map<number, { support: number; predicted: number; right: number }>();
  const tallyOf = (index: number) => {
    const tally = tallies.get(index) ?? { support: 0, predicted: 0, right: 0 };
    tallies.set(index, tally);
    return tally;
  };
  let [samples, answered, right] = [0, 0, 0];
  for (const { label, predicted, count } of pairs) {
    samples += count;
    tallyOf(label).support += count;
    if (predicted === noClass) continue;
    answered += count;
    tallyOf(predicted).predicted += count;
    if (label !== predicted) continue;
    right += count;
    tallyOf(label).right += count;
  }
  const perClass = [...tallies]
    .toSorted(([a], [b]) => a - b)
    .map(([index, { support, predicted, right: hits }]): ClassFigures => ({
      class: index,
      support,
      predicted,
      right: hits,
      precision: share(hits, predicted),
      recall: share(hits, support),
      f1: share(2 * hits, predicted + support),
    }));
  const average = (figure: "precision" | "recall" | "f1", micro: number): Averages => ({
    micro,
    macro: mean(perClass.map((one) => one[figure])),
    weighted: share(
      perClass.reduce((sum, one) => sum + one[figure] * one.support, 0),
      samples,
    ),
  });
  return {
    samples,
    accuracy: share(right, samples),
    balancedAccuracy: mean(perClass.filter((one) => one.support > 0).map((one) => one.recall)),
    precision: average("precision", share(right, answered)),
    recall: average("recall", share(right, samples)),
    f1: average("f1", share(2 * right, answered + samples)),
    perClass,
  };
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

const mean = (values: readonly number[]): number =>
  share(
    values.reduce((sum, value) => sum + value, 0),
    values.length,
  );
