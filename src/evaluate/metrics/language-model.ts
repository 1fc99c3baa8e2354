// Losses of a language model: cross-entropy of every token, perplexity (Jelinek et al., 1977), and bits per byte,
// which compares models of different vocabularies (Gao et al., "The Pile", 2020).
import { logSumExp, type ScoreRow } from "./scores.ts";

/** -ln of the probability that logits give the token, in nats. */
export const tokenLoss = (logits: ScoreRow, token: number): number => logSumExp(logits) - (logits[token] ?? 0);

export interface LanguageModelFigures {
  readonly tokens: number;
  /** Nats per token; 0 without tokens. */
  readonly crossEntropy: number;
  /** exp(crossEntropy). */
  readonly perplexity: number;
  readonly bitsPerToken: number;
  /** Undefined where the number of bytes is not known. */
  readonly bitsPerByte: number | undefined;
}

/** Adds up losses of pieces of text. Streams: add, merge, take figures at any time. */
export class TokenLosses {
  #nats = 0;
  #tokens = 0;
  #bytes: number | undefined = 0;

  /**
   * @param nats sum of the tokens' losses
   * @param bytes of the text that the tokens stand for, where known
   */
  add(nats: number, tokens: number, bytes?: number): void {
    this.#nats += nats;
    this.#tokens += tokens;
    this.#bytes = this.#bytes === undefined || bytes === undefined ? undefined : this.#bytes + bytes;
  }

  merge(other: TokenLosses): void {
    this.add(other.#nats, other.#tokens, other.#bytes);
  }

  result(): LanguageModelFigures {
    const crossEntropy = this.#tokens === 0 ? 0 : this.#nats / this.#tokens;
    return {
      tokens: this.#tokens,
      crossEntropy,
      perplexity: Math.exp(crossEntropy),
      bitsPerToken: crossEntropy / Math.LN2,
      bitsPerByte: this.#bytes ? this.#nats / Math.LN2 / this.#bytes : undefined,
    };
  }
}
