// Area under the receiver operating characteristic, exact: the share of pairs of a positive and a negative sample that
// the scores put in the right order, ties counting half (Hanley and McNeil, 1982; the Mann-Whitney statistic).
// Several classes: each against the rest (Fawcett, "An introduction to ROC analysis", 2006).
import { UsageError } from "../../base/errors.ts";
import { NumberList } from "../../base/number-list.ts";
import type { ScoreRow } from "./scores.ts";

/**
 * AUC of binary scores; undefined where one of the two sides has no sample.
 * @param scores any scale; larger speaks for the positive side
 * @throws UsageError for NaN or lists of different lengths
 */
export function rocAuc(scores: ArrayLike<number>, isPositive: (index: number) => boolean): number | undefined {
  const order = Uint32Array.from({ length: scores.length }, (_, index) => index);
  const at = (index: number): number => scores[index] ?? 0;
  for (let index = 0; index < scores.length; index++) {
    if (Number.isNaN(at(index))) throw new UsageError(`Score ${index} is NaN: samples can't be ranked by it.`);
  }
  order.sort((a, b) => at(a) - at(b));
  // Pairs are counted twice, so that a tie is a whole number.
  let [negativesBelow, positives, twicePairs] = [0, 0, 0];
  for (let start = 0; start < order.length;) {
    let [end, tiedPositives, tiedNegatives] = [start, 0, 0];
    for (; end < order.length && at(order[end] ?? 0) === at(order[start] ?? 0); end++) {
      if (isPositive(order[end] ?? 0)) tiedPositives++;
      else tiedNegatives++;
    }
    twicePairs += tiedPositives * (2 * negativesBelow + tiedNegatives);
    positives += tiedPositives;
    negativesBelow += tiedNegatives;
    start = end;
  }
  return positives === 0 || negativesBelow === 0 ? undefined : twicePairs / (2 * positives * negativesBelow);
}

export interface RocAucFigures {
  /** Mean over the classes that have an AUC; undefined where none has. With two classes, that of class 1. */
  readonly macro: number | undefined;
  /** By class; undefined where a class has no sample or all of them. */
  readonly perClass: readonly (number | undefined)[];
}

/** One against the rest. Streams, but keeps every score: memory grows with samples times classes. */
export class OneVsRestRocAuc {
  readonly classes: number;
  readonly #scores = new NumberList();
  readonly #labels = new NumberList();

  constructor(classes: number) {
    this.classes = classes;
  }

  /** @param row comparable between samples: probabilities, not logits */
  add(row: ScoreRow, label: number): void {
    if (row.length !== this.classes) {
      throw new UsageError(`A row of ${row.length} scores can't be added to those of ${this.classes} classes.`);
    }
    this.#scores.append(row);
    this.#labels.push(label);
  }

  merge(other: OneVsRestRocAuc): void {
    if (other.classes !== this.classes) {
      throw new UsageError(`Scores of ${other.classes} classes can't be added to those of ${this.classes}.`);
    }
    this.#scores.append(other.#scores.values());
    this.#labels.append(other.#labels.values());
  }

  result(): RocAucFigures {
    const [scores, labels] = [this.#scores.values(), this.#labels.values()];
    const perClass = Array.from({ length: this.classes }, (_, index) =>
      rocAuc(
        labels.map((_label, sample) => scores[sample * this.classes + index] ?? 0),
        (sample) => labels[sample] === index,
      ),
    );
    const known = perClass.filter((auc) => auc !== undefined);
    const macro = known.length === 0 ? undefined : known.reduce((sum, auc) => sum + auc, 0) / known.length;
    return { macro: this.classes === 2 ? perClass[1] : macro, perClass };
  }
}
