// Errors of predicted numbers: mean squared, root mean squared and mean absolute error, PSNR, and the share of variance
// explained (R^2). Elements that are NaN or infinite on either side are left out of all sums and counted.

export interface RegressionFigures {
  /** Elements compared. */
  readonly count: number;
  /** Elements left out: NaN or infinite in the prediction or the target. */
  readonly nonFinite: number;
  readonly mse: number;
  readonly rmse: number;
  readonly mae: number;
  readonly maxAbsError: number;
  /** 10 log10(peak^2 / mse) in dB; undefined where mse or peak is 0. */
  readonly psnrDb: number | undefined;
  /** The peak of `psnrDb`: what was given, or else the targets' largest less their smallest value. */
  readonly peak: number;
  /** 1 - sum of squared errors / sum of squared deviations of the targets; undefined where targets are constant. */
  readonly r2: number | undefined;
}

/** Streams: add batches, merge, take figures at any time. */
export class RegressionErrors {
  readonly #peak: number | undefined;
  #count = 0;
  #nonFinite = 0;
  #squares = 0;
  #absolutes = 0;
  #maxAbs = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  /** Welford's mean and sum of squared deviations of the targets: no cancellation for targets far from 0. */
  #mean = 0;
  #deviations = 0;

  /** @param peak the largest value a signal can have, such as 255 or 1 for pictures; default: the targets' range */
  constructor(peak?: number) {
    this.#peak = peak;
  }

  /** @returns the mean squared error of these elements alone; NaN where none is finite */
  add(predictions: ArrayLike<number>, targets: ArrayLike<number>): number {
    let [squares, count] = [0, 0];
    for (let index = 0; index < targets.length; index++) {
      const [x, y] = [predictions[index] ?? 0, targets[index] ?? 0];
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        this.#nonFinite++;
        continue;
      }
      const error = Math.abs(x - y);
      count++;
      squares += error * error;
      this.#absolutes += error;
      if (error > this.#maxAbs) this.#maxAbs = error;
      if (y < this.#min) this.#min = y;
      if (y > this.#max) this.#max = y;
      const delta = y - this.#mean;
      this.#mean += delta / (this.#count + count);
      this.#deviations += delta * (y - this.#mean);
    }
    this.#squares += squares;
    this.#count += count;
    return squares / count;
  }

  merge(other: RegressionErrors): void {
    const count = this.#count + other.#count;
    const delta = other.#mean - this.#mean;
    if (count > 0) {
      this.#deviations += other.#deviations + (delta * delta * this.#count * other.#count) / count;
      this.#mean += (delta * other.#count) / count;
    }
    this.#count = count;
    this.#nonFinite += other.#nonFinite;
    this.#squares += other.#squares;
    this.#absolutes += other.#absolutes;
    this.#maxAbs = Math.max(this.#maxAbs, other.#maxAbs);
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  result(): RegressionFigures {
    const mse = this.#count === 0 ? 0 : this.#squares / this.#count;
    const peak = this.#peak ?? (this.#count === 0 ? 0 : this.#max - this.#min);
    return {
      count: this.#count,
      nonFinite: this.#nonFinite,
      mse,
      rmse: Math.sqrt(mse),
      mae: this.#count === 0 ? 0 : this.#absolutes / this.#count,
      maxAbsError: this.#maxAbs,
      psnrDb: mse === 0 || peak === 0 ? undefined : 10 * Math.log10((peak * peak) / mse),
      peak,
      r2: this.#deviations === 0 ? undefined : 1 - this.#squares / this.#deviations,
    };
  }
}
