// Evaluates embedding models: cosine to the original's vectors, whether similarities keep their ranks and neighbours
// their places, and the rank correlation with people's judgements where there are any.
import { UsageError } from "../../base/errors.ts";
import { seededRandom } from "../../base/random.ts";
import { cosineSimilarity, nearestNeighbours, pairSimilarities } from "../metrics/embedding.ts";
import { NumberList } from "../../base/number-list.ts";
import { spearman } from "../metrics/rank-correlation.ts";
import type { ScoreRow } from "../metrics/scores.ts";
import { bootstrap, bootstrapMean, type Interval } from "../statistics/bootstrap.ts";
import { pairedBootstrap, type PairedDifference } from "../statistics/paired-bootstrap.ts";
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

export interface EmbeddingOptions extends EvaluationOptions {
  /** All pairs of so many vectors are compared for ranks and neighbours, chosen by seed; default 500. */
  readonly maxVectors?: number;
}

export interface EmbeddingReport {
  readonly task: "embedding";
  readonly samples: number;
  readonly width: number;
  /** With the original's vectors. */
  readonly agreement?: {
    readonly meanCosine: number;
    readonly minCosine: number;
    readonly cosineInterval?: Interval;
    /** Spearman's correlation of all pairs' similarities; null where all of one model's are equal. */
    readonly rankCorrelation: number | null;
    /** Share of vectors whose most similar other vector is the same. */
    readonly sameNeighbour: number | null;
    /** Vectors that the two figures above are about. */
    readonly vectors: number;
  };
  /** With a truth: Spearman's correlation of the pairs' cosines with it. */
  readonly model?: { readonly rankCorrelation: number | null; readonly interval?: Interval };
  readonly original?: { readonly rankCorrelation: number | null; readonly interval?: Interval };
  readonly difference?: { readonly rankCorrelation?: PairedDifference };
  readonly warnings: readonly string[];
}

/**
 * Outputs are [samples, width] vectors, further axes are flattened. A truth is a similarity for each pair of samples
 * 0 and 1, 2 and 3, and so on: half as many numbers as samples. Keeps all vectors.
 */
export class EmbeddingEvaluator implements Evaluator<EvaluationBatch, EmbeddingReport> {
  readonly #options: EmbeddingOptions;
  readonly #parts = new Parts();
  readonly #vectors = new NumberList();
  readonly #originals = new NumberList();
  readonly #truth = new NumberList();
  #width: number | undefined;

  constructor(options: EmbeddingOptions = {}) {
    this.#options = options;
  }

  /** @throws UsageError where shapes do not fit the task or each other, or a vector holds NaN or infinity */
  add(batch: EvaluationBatch): void {
    checkBatch(batch);
    this.#parts.check(batch);
    const { output, original, truth } = batch;
    const [samples = 0] = output.dims;
    if (output.dims.length < 2 || output.data.length === 0) {
      throw new UsageError(`Output "${output.name}" is [${output.dims.join(", ")}], not [samples, width].`);
    }
    if (truth) requireTruth(output, truth, [samples / 2]);
    this.#requireWidth(output.data.length / samples);
    for (const { name, data } of original ? [output, original] : [output]) {
      const wrong = data.findIndex((value) => !Number.isFinite(value));
      if (wrong >= 0) throw new UsageError(`Output "${name}" holds ${data[wrong]} at ${wrong}: no vector to compare.`);
    }
    this.#vectors.append(output.data);
    if (original) this.#originals.append(original.data);
    if (truth) this.#truth.append(truth.data);
  }

  #requireWidth(width: number): void {
    this.#width ??= width;
    if (width !== this.#width)
      throw new UsageError(`Vectors of ${width} elements can't be compared with those of ${this.#width}.`);
  }

  merge(evaluator: Evaluator<EvaluationBatch, EmbeddingReport>): void {
    const other = sameKind(evaluator, EmbeddingEvaluator);
    this.#parts.merge(other.#parts);
    if (other.#width === undefined) return;
    this.#requireWidth(other.#width);
    this.#vectors.append(other.#vectors.values());
    this.#originals.append(other.#originals.values());
    this.#truth.append(other.#truth.values());
  }

  /** @throws UsageError where no sample was added */
  result(): EmbeddingReport {
    const width = this.#width;
    if (width === undefined) throw new UsageError("There is no sample to evaluate.");
    const { hasOriginal, hasTruth } = this.#parts;
    const samples = this.#vectors.length / width;
    const vectors = rows(this.#vectors, width);
    const originals = hasOriginal ? rows(this.#originals, width) : undefined;
    return {
      task: "embedding",
      samples,
      width,
      ...(originals && { agreement: this.#agreement(originals, vectors) }),
      ...(hasTruth && this.#againstTruth(vectors, originals)),
      warnings: samples < 10 ? [`Only ${samples} vectors were compared: the figures are rough.`] : [],
    };
  }

  #agreement(originals: readonly ScoreRow[], vectors: readonly ScoreRow[]): NonNullable<EmbeddingReport["agreement"]> {
    const cosines = originals.map((original, index) => cosineSimilarity(original, vectors[index] ?? original));
    const { maxVectors = 500, seed = 1 } = this.#options;
    const chosen = choose(vectors.length, maxVectors, seed);
    const pick = (from: readonly ScoreRow[]): ScoreRow[] => chosen.flatMap((index) => from[index] ?? []);
    const [before, after] = [pairSimilarities(pick(originals)), pairSimilarities(pick(vectors))];
    const [old, now] = [nearestNeighbours(chosen.length, before), nearestNeighbours(chosen.length, after)];
    const options = bootstrapOptions(this.#options);
    return {
      meanCosine: cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length,
      minCosine: cosines.reduce((least, cosine) => Math.min(least, cosine), 1),
      ...(options && { cosineInterval: bootstrapMean(cosines, options) }),
      rankCorrelation: orNull(spearman(before, after)),
      sameNeighbour:
        chosen.length < 2 ? null : old.filter((neighbour, index) => neighbour === now[index]).length / chosen.length,
      vectors: chosen.length,
    };
  }

  #againstTruth(
    vectors: readonly ScoreRow[],
    originals: readonly ScoreRow[] | undefined,
  ): Pick<EmbeddingReport, "model" | "original" | "difference"> {
    const truth = this.#truth.values();
    const options = bootstrapOptions(this.#options);
    const correlation = (from: readonly ScoreRow[]) => {
      const cosines = truth.map((_, pair) => cosineSimilarity(from[2 * pair] ?? truth, from[2 * pair + 1] ?? truth));
      return (indices: Uint32Array): number =>
        spearman(
          Float64Array.from(indices, (index) => cosines[index] ?? 0),
          Float64Array.from(indices, (index) => truth[index] ?? 0),
        ) ?? Number.NaN;
    };
    const every = Uint32Array.from(truth.keys());
    const figures = (statistic: (indices: Uint32Array) => number) => {
      const rankCorrelation = orNull(statistic(every));
      const known = options && rankCorrelation !== null && truth.length > 2;
      return { rankCorrelation, ...(known && { interval: bootstrap(truth.length, statistic, options) }) };
    };
    const after = correlation(vectors);
    if (!originals) return { model: figures(after) };
    const before = correlation(originals);
    const [model, original] = [figures(after), figures(before)];
    const known = options && "interval" in model && "interval" in original;
    return {
      model,
      original,
      difference: known ? { rankCorrelation: pairedBootstrap(truth.length, before, after, options) } : {},
    };
  }
}

const rows = (list: NumberList, width: number): readonly ScoreRow[] =>
  Array.from({ length: list.length / width }, (_, row) => list.values().subarray(row * width, (row + 1) * width));

/** All indices, or `most` of them by seed, ascending. */
function choose(count: number, most: number, seed: number): readonly number[] {
  const indices = Array.from({ length: count }, (_, index) => index);
  if (count <= most) return indices;
  const random = seededRandom(seed, "vectors");
  for (let index = 0; index < most; index++) {
    const other = random.int(index, count);
    [indices[index], indices[other]] = [indices[other] ?? 0, indices[index] ?? 0];
  }
  return indices.slice(0, most).toSorted((a, b) => a - b);
}
