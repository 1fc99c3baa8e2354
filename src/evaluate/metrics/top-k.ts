// Top-k accuracy: how often the right class is among the k best scores.
import { UsageError } from "../../base/errors.ts";
import { isDistribution, rankOf, type ScoreRow } from "./scores.ts";

/** Streams: add rows, merge, take the shares at any time. */
export class TopKAccuracy {
  readonly ks: readonly number[];
  readonly #hits: number[];
  #samples = 0;

  /** @throws UsageError unless every k is a positive integer */
  constructor(ks: readonly number[]) {
    const wrong = ks.find((k) => !Number.isInteger(k) || k < 1);
    if (wrong !== undefined) throw new UsageError(`Top-${wrong} accuracy is not defined: k counts from 1.`);
    this.ks = [...ks];
    this.#hits = ks.map(() => 0);
  }

  /**
   * One sample: its scores, of any scale, and its class. Of equal scores the lower class comes first. A row with NaN
   * is wrong for every k.
   * @returns the rank of the right class from 0; the number of classes where the row has NaN
   * @throws UsageError where the label is no class of the row
   */
  add(row: ScoreRow, label: number): number {
    if (!Number.isInteger(label) || label < 0 || label >= row.length) {
      throw new UsageError(`${label} is not one of the ${row.length} classes, which are numbered from 0.`);
    }
    const rank = isDistribution(row) ? rankOf(row, label) : row.length;
    this.#samples++;
    if (rank < row.length)
      for (const [index, k] of this.ks.entries()) if (rank < k) this.#hits[index] = (this.#hits[index] ?? 0) + 1;
    return rank;
  }

  /** @throws UsageError where the other counts other k */
  merge(other: TopKAccuracy): void {
    if (other.ks.join() !== this.ks.join()) {
      throw new UsageError(`Top-${other.ks.join()} accuracy can't be added to top-${this.ks.join()}.`);
    }
    this.#samples += other.#samples;
    for (const [index, hits] of other.#hits.entries()) this.#hits[index] = (this.#hits[index] ?? 0) + hits;
  }

  /** One share for each k, in the order given; 0 without samples. */
  result(): readonly { readonly k: number; readonly accuracy: number }[] {
    return this.ks.map((k, index) => ({
      k,
      accuracy: this.#samples === 0 ? 0 : (this.#hits[index] ?? 0) / this.#samples,
    }));
  }
}
