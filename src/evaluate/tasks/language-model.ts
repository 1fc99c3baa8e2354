// Evaluates language models: perplexity and bits per byte against the text, KL divergence and same-top-token share
// against the original. Intervals draw whole sequences, since the tokens of one are not independent.
import { UsageError } from "../../base/errors.ts";
import { TokenLosses, type LanguageModelFigures } from "../metrics/language-model.ts";
import { NumberList } from "../../base/number-list.ts";
import { bestClass, isDistribution, klDivergence, logProbabilities } from "../metrics/scores.ts";
import { bootstrapRatio, type Interval } from "../statistics/bootstrap.ts";
import { pairedBootstrapRatio, type PairedDifference } from "../statistics/paired-bootstrap.ts";
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

export interface LanguageModelOptions extends EvaluationOptions {
  /**
   * What the truth holds: "next", the model's own input ids, so that position t is judged by token t + 1 (default);
   * "aligned", the token that each position should give.
   */
  readonly truth?: "next" | "aligned";
  /** A token that is never judged, such as padding; default -100. */
  readonly ignore?: number;
  /** Bytes of text that one token stands for, for bits per byte: a number where all are alike, or by token. */
  readonly bytesPerToken?: number | ArrayLike<number>;
}

type Nullable<T> = { readonly [Key in keyof T]: number | null };

export interface LanguageModelReport {
  readonly task: "language-model";
  readonly sequences: number;
  /** Positions judged. */
  readonly tokens: number;
  /** The model that is judged; with a truth only. Null: not defined, or the model rules a right token out. */
  readonly model?: Nullable<LanguageModelFigures> & { readonly crossEntropyInterval?: Interval };
  readonly original?: Nullable<LanguageModelFigures> & { readonly crossEntropyInterval?: Interval };
  /** With the original's answers. */
  readonly agreement?: {
    readonly sameTopToken: number;
    /** Mean KL(original || model) in nats; null where the model rules out what the original allows. */
    readonly klDivergence: number | null;
    readonly klInterval?: Interval;
  };
  /** With a truth and the original's answers: nats per token, and whether the difference is more than chance. */
  readonly difference?: { readonly crossEntropy?: PairedDifference };
  readonly warnings: readonly string[];
}

interface Sequence {
  tokens: number;
  bytes: number;
  nats: number;
  originalNats: number;
  divergence: number;
  sameTop: number;
}

const fields = ["tokens", "bytes", "nats", "originalNats", "divergence", "sameTop"] as const;

/** Outputs are [sequences, positions, vocabulary] logits, the truth [sequences, positions] tokens. */
export class LanguageModelEvaluator implements Evaluator<EvaluationBatch, LanguageModelReport> {
  readonly #options: LanguageModelOptions;
  readonly #parts = new Parts();
  /** One entry a sequence. */
  readonly #sums = {
    tokens: new NumberList(),
    bytes: new NumberList(),
    nats: new NumberList(),
    originalNats: new NumberList(),
    divergence: new NumberList(),
    sameTop: new NumberList(),
  };
  #nonFinite = 0;

  constructor(options: LanguageModelOptions = {}) {
    this.#options = options;
  }

  /** @throws UsageError where shapes do not fit the task or each other, or a token is not in the vocabulary */
  add(batch: EvaluationBatch): void {
    checkBatch(batch);
    this.#parts.check(batch);
    const { output, truth } = batch;
    const [sequences = 0, positions = 0, vocabulary = 0] = output.dims;
    if (output.dims.length !== 3 || vocabulary < 2) {
      throw new UsageError(
        `Output "${output.name}" is [${output.dims.join(", ")}], not [sequences, positions, vocabulary].`,
        {
          hint: "Choose the output that holds the logits, or another task.",
        },
      );
    }
    if (truth && truth.dims.join() !== [sequences, positions].join())
      requireTruth(output, truth, [sequences, positions]);
    for (let sequence = 0; sequence < sequences; sequence++) {
      const sums: Sequence = { tokens: 0, bytes: 0, nats: 0, originalNats: 0, divergence: 0, sameTop: 0 };
      for (let position = 0; position < positions; position++) {
        this.#addPosition(batch, sums, sequence * positions + position, position === positions - 1, vocabulary);
      }
      for (const field of fields) this.#sums[field].push(sums[field]);
    }
  }

  #addPosition(
    { output, original, truth }: EvaluationBatch,
    sums: Sequence,
    at: number,
    isLast: boolean,
    vocabulary: number,
  ): void {
    const { truth: meaning = "next", ignore = -100 } = this.#options;
    if (truth && meaning === "next" && isLast) return;
    const token = truth?.data[meaning === "next" ? at + 1 : at] ?? ignore;
    if (truth && token === ignore) return;
    if (truth && !(Number.isInteger(token) && token >= 0 && token < vocabulary)) {
      throw new UsageError(`Token ${token} is not in the vocabulary of ${vocabulary}.`, {
        hint: "Check that the text was made into tokens by the model's own tokenizer.",
      });
    }
    const row = output.data.subarray(at * vocabulary, (at + 1) * vocabulary);
    const other = original?.data.subarray(at * vocabulary, (at + 1) * vocabulary);
    if (!isDistribution(row) || (other && !isDistribution(other))) {
      this.#nonFinite++;
      return;
    }
    sums.tokens++;
    const logs = logProbabilities(row, "logits");
    const otherLogs = other && logProbabilities(other, "logits");
    if (truth) {
      sums.bytes += this.#bytesOf(token);
      sums.nats -= logs[token] ?? 0;
      sums.originalNats -= otherLogs?.[token] ?? 0;
    }
    if (other && otherLogs) {
      sums.divergence += klDivergence(otherLogs, logs);
      if (bestClass(row) === bestClass(other)) sums.sameTop++;
    }
  }

  #bytesOf(token: number): number {
    const { bytesPerToken = 0 } = this.#options;
    return typeof bytesPerToken === "number" ? bytesPerToken : (bytesPerToken[token] ?? 0);
  }

  merge(evaluator: Evaluator<EvaluationBatch, LanguageModelReport>): void {
    const other = sameKind(evaluator, LanguageModelEvaluator);
    this.#parts.merge(other.#parts);
    for (const field of fields) this.#sums[field].append(other.#sums[field].values());
    this.#nonFinite += other.#nonFinite;
  }

  /** @throws UsageError where no position could be judged */
  result(): LanguageModelReport {
    const { tokens, nats, originalNats, divergence, sameTop } = this.#sums;
    const total = sum(tokens);
    if (total === 0) {
      throw new UsageError("There is no token to evaluate.", {
        hint: "Give sequences of two tokens or more, and check the ignored token and the model's outputs for NaN.",
      });
    }
    const options = bootstrapOptions(this.#options);
    const { hasTruth, hasOriginal } = this.#parts;
    const ratio = (list: NumberList): Interval | undefined =>
      options && Number.isFinite(sum(list)) ? bootstrapRatio(list.values(), tokens.values(), options) : undefined;
    const kl = hasOriginal ? ratio(divergence) : undefined;
    const comparable = options && Number.isFinite(sum(nats)) && Number.isFinite(sum(originalNats));
    return {
      task: "language-model",
      sequences: tokens.length,
      tokens: total,
      ...(hasTruth && { model: this.#figures(nats, ratio(nats)) }),
      ...(hasTruth && hasOriginal && { original: this.#figures(originalNats, ratio(originalNats)) }),
      ...(hasOriginal && {
        agreement: {
          sameTopToken: sum(sameTop) / total,
          klDivergence: orNull(sum(divergence) / total),
          ...(kl && { klInterval: kl }),
        },
      }),
      ...(hasTruth &&
        hasOriginal && {
          difference: comparable
            ? { crossEntropy: pairedBootstrapRatio(originalNats.values(), nats.values(), tokens.values(), options) }
            : {},
        }),
      warnings: this.#warnings(total),
    };
  }

  #figures(nats: NumberList, interval: Interval | undefined): NonNullable<LanguageModelReport["model"]> {
    const losses = new TokenLosses();
    losses.add(sum(nats), sum(this.#sums.tokens), sum(this.#sums.bytes) || undefined);
    const { tokens, crossEntropy, perplexity, bitsPerToken, bitsPerByte } = losses.result();
    return {
      tokens,
      crossEntropy: orNull(crossEntropy),
      perplexity: orNull(perplexity),
      bitsPerToken: orNull(bitsPerToken),
      bitsPerByte: orNull(bitsPerByte),
      ...(interval && { crossEntropyInterval: interval }),
    };
  }

  #warnings(total: number): readonly string[] {
    const warnings: string[] = [];
    if (this.#nonFinite > 0) {
      warnings.push(
        `NaN or infinity stands in the outputs at ${this.#nonFinite} of ${total + this.#nonFinite} positions, which were left out.`,
      );
    }
    const { length } = this.#sums.tokens;
    if (length < 10) warnings.push(`Only ${length} sequences were evaluated: intervals over so few are rough.`);
    return warnings;
  }
}

const sum = (list: NumberList): number => list.values().reduce((total, value) => total + value, 0);
