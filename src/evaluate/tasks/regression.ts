// Evaluates models that give numbers or pictures: errors against the truth and against the original.
import { UsageError } from "../../base/errors.ts";
import { NumberList } from "../../base/number-list.ts";
import { RegressionErrors, type RegressionFigures } from "../metrics/regression.ts";
import { bootstrapMean, type Interval } from "../statistics/bootstrap.ts";
import { pairedBootstrapMean, type PairedDifference } from "../statistics/paired-bootstrap.ts";
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
  type Truth,
} from "./batch.ts";

export interface RegressionOptions extends EvaluationOptions {
  /** The largest value a signal can have, for PSNR; default: the range of what is compared with. */
  readonly peak?: number;
}

/** As `RegressionFigures`, null for what is not defined; the interval is of the mean of the samples' errors. */
export interface RegressionReportFigures extends Omit<RegressionFigures, "psnrDb" | "r2"> {
  readonly psnrDb: number | null;
  readonly r2: number | null;
  readonly mseInterval?: Interval;
}

export interface RegressionReport {
  readonly task: "regression";
  readonly samples: number;
  /** Against the truth. */
  readonly model?: RegressionReportFigures;
  readonly original?: RegressionReportFigures;
  /** The model's answers against the original's. */
  readonly agreement?: RegressionReportFigures;
  readonly difference?: { readonly mse?: PairedDifference };
  readonly warnings: readonly string[];
}

interface Stream {
  readonly errors: RegressionErrors;
  /** Mean squared error by sample; NaN where nothing of it is finite. */
  readonly bySample: NumberList;
}

const kinds = ["model", "original", "agreement"] as const;
type Kind = (typeof kinds)[number];

/** Outputs are of any shape, the first axis counts samples; the truth has the same number of elements a sample. */
export class RegressionEvaluator implements Evaluator<EvaluationBatch, RegressionReport> {
  readonly #options: RegressionOptions;
  readonly #parts = new Parts();
  readonly #streams: Readonly<Record<Kind, Stream>>;
  #samples = 0;

  constructor(options: RegressionOptions = {}) {
    this.#options = options;
    const open = (): Stream => ({ errors: new RegressionErrors(options.peak), bySample: new NumberList() });
    this.#streams = { model: open(), original: open(), agreement: open() };
  }

  /** @throws UsageError where shapes do not fit each other */
  add(batch: EvaluationBatch): void {
    checkBatch(batch);
    this.#parts.check(batch);
    const { output, original, truth } = batch;
    const samples = output.dims[0] ?? 1;
    if (truth) requireTruth(output, truth, output.dims);
    const size = samples === 0 ? 0 : output.data.length / samples;
    const compare = (kind: Kind, answers: OutputTensor, wanted: Truth): void => {
      const { errors, bySample } = this.#streams[kind];
      for (let sample = 0; sample < samples; sample++) {
        const part = (data: ArrayLike<number>) =>
          Float64Array.from({ length: size }, (_, index) => data[sample * size + index] ?? 0);
        bySample.push(errors.add(part(answers.data), part(wanted.data)));
      }
    };
    if (truth) compare("model", output, truth);
    if (truth && original) compare("original", original, truth);
    if (original) compare("agreement", output, original);
    this.#samples += samples;
  }

  merge(evaluator: Evaluator<EvaluationBatch, RegressionReport>): void {
    const other = sameKind(evaluator, RegressionEvaluator);
    this.#parts.merge(other.#parts);
    for (const kind of kinds) {
      this.#streams[kind].errors.merge(other.#streams[kind].errors);
      this.#streams[kind].bySample.append(other.#streams[kind].bySample.values());
    }
    this.#samples += other.#samples;
  }

  /** @throws UsageError where no sample was added */
  result(): RegressionReport {
    if (this.#samples === 0) throw new UsageError("There is no sample to evaluate.");
    const { hasOriginal, hasTruth } = this.#parts;
    const options = bootstrapOptions(this.#options);
    const [before, after] = [this.#streams.original.bySample.values(), this.#streams.model.bySample.values()];
    const comparable = options && before.every(Number.isFinite) && after.every(Number.isFinite);
    return {
      task: "regression",
      samples: this.#samples,
      ...(hasTruth && { model: this.#figures("model") }),
      ...(hasTruth && hasOriginal && { original: this.#figures("original") }),
      ...(hasOriginal && { agreement: this.#figures("agreement") }),
      ...(hasTruth &&
        hasOriginal && { difference: comparable ? { mse: pairedBootstrapMean(before, after, options) } : {} }),
      warnings: this.#warnings(),
    };
  }

  #figures(kind: Kind): RegressionReportFigures {
    const { errors, bySample } = this.#streams[kind];
    const { psnrDb, r2, ...figures } = errors.result();
    const options = bootstrapOptions(this.#options);
    const finite = bySample.values().filter(Number.isFinite);
    return {
      ...figures,
      psnrDb: orNull(psnrDb),
      r2: orNull(r2),
      ...(options && finite.length > 0 && { mseInterval: bootstrapMean(finite, options) }),
    };
  }

  #warnings(): readonly string[] {
    const { hasTruth } = this.#parts;
    const { count, nonFinite } = this.#streams[hasTruth ? "model" : "agreement"].errors.result();
    if (nonFinite === 0) return [];
    return [`NaN or infinity stands at ${nonFinite} of ${count + nonFinite} elements; the figures cover the rest.`];
  }
}
