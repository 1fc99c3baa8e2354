// Random shapes and numbers by seed, for tests over many small cases.
import { elementCount } from "../../src/base/dtypes.ts";
import { xoshiro128 } from "../../src/base/random.ts";

export interface RealTensor {
  readonly dtype: "f32";
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = xoshiro128([seed + 1, 0x9e3779b9, 0x243f6a88, 0xb7e15162]);
  }

  /** A whole number from `low` up to, without, `high`. */
  whole(low: number, high: number): number {
    return low + (this.#next() % Math.max(1, high - low));
  }

  pick<T>(first: T, ...rest: readonly T[]): T {
    return [first, ...rest][this.whole(0, rest.length + 1)] ?? first;
  }

  dims(rank: number, low = 1, high = 6): number[] {
    return Array.from({ length: rank }, () => this.whole(low, high));
  }

  /** Anything from `low` to `high`. */
  reals(dims: readonly number[], low: number, high: number): RealTensor {
    const next = (): number => low + ((high - low) * this.#next()) / 2 ** 32;
    return { dtype: "f32", dims, data: Float32Array.from({ length: elementCount(dims) }, next) };
  }

  /** Multiples of 1/8 from -5 to 5, of which many are equal and sums are exact. */
  eighths(dims: readonly number[]): RealTensor {
    const data = Float32Array.from({ length: elementCount(dims) }, () => this.whole(-40, 41) / 8);
    return { dtype: "f32", dims, data };
  }
}
