// Expected calibration error: how far confidence is from being right, by bins of equal width. Naeini, Cooper and
// Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015; Guo et al., "On calibration of
// modern neural networks", 2017 (15 bins, which is the default here).
import { UsageError } from "../../base/errors.ts";

export interface CalibrationBin {
  /** Confidences above `lower`, up to and with `upper`; the first bin has 0 too. */
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** Mean confidence of the bin; 0 without samples. */
  readonly confidence: number;
  /** Share predicted right; 0 without samples. */
  readonly accuracy: number;
}

export interface CalibrationFigures {
  /** sum over bins of count / samples * |accuracy - confidence|. */
  readonly expected: number;
  /** The largest |accuracy - confidence| of a bin with samples. */
  readonly maximum: number;
  readonly bins: readonly CalibrationBin[];
}

/** Streams: add samples, merge, take figures at any time. */
export class CalibrationError {
  readonly #counts: Float64Array;
  readonly #confidence: Float64Array;
  readonly #right: Float64Array;

  constructor(bins = 15) {
    if (!Number.isInteger(bins) || bins < 1 || bins > 10000) throw new UsageError(`${bins} is not a number of bins.`);
    this.#counts = new Float64Array(bins);
    this.#confidence = new Float64Array(bins);
    this.#right = new Float64Array(bins);
  }

  /**
   * @param confidence the predicted class's probability, 0 to 1
   * @throws UsageError where it is no probability
   */
  add(confidence: number, isRight: boolean): void {
    // A softmax may exceed 1 by rounding.
    if (!(confidence >= 0 && confidence <= 1 + 1e-3)) throw new UsageError(`${confidence} is no probability.`);
    const bins = this.#counts.length;
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
    this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
    this.#confidence[bin] = (this.#confidence[bin] ?? 0) + confidence;
    if (isRight) this.#right[bin] = (this.#right[bin] ?? 0) + 1;
  }

  merge(other: CalibrationError): void {
    if (other.#counts.length !== this.#counts.length) {
      throw new UsageError(`${other.#counts.length} bins can't be added to ${this.#counts.length}.`);
    }
    for (let bin = 0; bin < this.#counts.length; bin++) {
      this.#counts[bin] = (this.#counts[bin] ?? 0) + (other.#counts[bin] ?? 0);
      this.#confidence[bin] = (this.#confidence[bin] ?? 0) + (other.#confidence[bin] ?? 0);
      this.#right[bin] = (this.#right[bin] ?? 0) + (other.#right[bin] ?? 0);
    }
  }

  result(): CalibrationFigures {
    let [samples, gaps, maximum] = [0, 0, 0];
    const bins = Array.from(this.#counts, (count, index): CalibrationBin => {
      const mean = (sum: number | undefined): number => (count === 0 ? 0 : (sum ?? 0) / count);
      const [confidence, accuracy] = [mean(this.#confidence[index]), mean(this.#right[index])];
      samples += count;
      gaps += count * Math.abs(accuracy - confidence);
      maximum = Math.max(maximum, Math.abs(accuracy - confidence));
      return {
        lower: index / this.#counts.length,
        upper: (index + 1) / this.#counts.length,
        count,
        confidence,
        accuracy,
      };
    });
    return { expected: samples === 0 ? 0 : gaps / samples, maximum, bins };
  }
}
