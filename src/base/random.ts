// Seeded random numbers: xoshiro128** seeded by SplitMix64 (Blackman and Vigna, prng.di.unimi.it).
// The same seed gives the same numbers on every engine, normals included: Math.log is only as exact as
// the engine likes, so the logarithm here is made of the four exact operations.
// Not for secrets. Knows nothing of tensors, files or devices.
import { UsageError } from "./errors.ts";

const mask64 = (1n << 64n) - 1n;

/** SplitMix64: each call yields the next 64-bit word. Spreads poor seeds (0, 1, 2 …) over all bits. */
export function splitMix64(seed: bigint): () => bigint {
  let state = seed & mask64;
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & mask64;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask64;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask64;
    return z ^ (z >> 31n);
  };
}

/** xoshiro128** over four 32-bit words, not all zero: each call yields the next u32. */
export function xoshiro128(state: readonly [number, number, number, number]): () => number {
  let [s0, s1, s2, s3] = state;
  if ((s0 | s1 | s2 | s3) === 0) throw new UsageError("The state of xoshiro128** must not be all zero.");
  return () => {
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = (s3 << 11) | (s3 >>> 21);
    return result;
  };
}

/** A stream of random numbers. Every call advances the one stream. */
export interface Random {
  /** Uniform over 0 … 2^32 - 1. */
  uint32(): number;
  /** Uniform over [min, max), 53 random bits; [0, 1) by default. */
  uniform(min?: number, max?: number): number;
  /** Normal by Marsaglia's polar method; mean 0 and standard deviation 1 by default. */
  normal(mean?: number, deviation?: number): number;
  /**
   * Uniform integer over [min, max), without modulo bias.
   * @throws UsageError unless both are safe integers, min < max and max - min is a safe integer
   */
  int(min: number, max: number): number;
  /** One element. @throws UsageError on an empty list */
  pick<T>(items: readonly T[]): T;
  /** `count` f32 values of `uniform(min, max)`. */
  uniforms(count: number, min?: number, max?: number): Float32Array<ArrayBuffer>;
  /** `count` f32 values of `normal(mean, deviation)`. */
  normals(count: number, mean?: number, deviation?: number): Float32Array<ArrayBuffer>;
}

/** FNV-1a over UTF-16 code units, 64 bits. */
function hashText(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let index = 0; index < text.length; index++) {
    hash = ((hash ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n) & mask64;
  }
  return hash;
}

const lowWord = (value: bigint): number => Number(value & 0xffffffffn);

/** Natural logarithm of 0 < x < 1 by exact operations only: ln x = k ln 2 + 2 artanh((m - 1) / (m + 1)). */
function portableLog(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  const t = (mantissa - 1) / (mantissa + 1);
  const square = t * t;
  let sum = 0;
  for (let odd = 23; odd >= 1; odd -= 2) sum = sum * square + 1 / odd;
  return exponent * Math.LN2 + 2 * t * sum;
}

/**
 * Opens a stream. `stream` separates independent uses of one seed (one per tensor name, say), so that
 * adding a tensor does not change the numbers of the others.
 * @param seed any integer; its low 64 bits count
 * @throws UsageError where the seed is not an integer
 * @example const random = seededRandom(7, "input_ids"); random.int(0, 260);
 */
export function seededRandom(seed: number | bigint, stream = ""): Random {
  if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
    throw new UsageError(`A seed must be an integer, not ${seed}.`, { hint: "Give a whole number such as 1." });
  }
  const word = splitMix64(BigInt(seed) ^ (stream === "" ? 0n : hashText(stream)));
  const low = word();
  const high = word() | 1n; // never the all-zero state
  const uint32 = xoshiro128([lowWord(low), lowWord(low >> 32n), lowWord(high), lowWord(high >> 32n)]);

  const bits53 = (): number => (uint32() >>> 5) * 67108864 + (uint32() >>> 6);
  const uniform = (min = 0, max = 1): number => {
    const value = min + (bits53() / 2 ** 53) * (max - min);
    return value < max ? value : min; // rounding may reach max
  };
  let spare: number | undefined;
  const normal = (mean = 0, deviation = 1): number => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return mean + deviation * kept;
    }
    for (;;) {
      const u = uniform(-1, 1);
      const v = uniform(-1, 1);
      const radius = u * u + v * v;
      if (radius > 0 && radius < 1) {
        const factor = Math.sqrt((-2 * portableLog(radius)) / radius);
        spare = v * factor;
        return mean + deviation * u * factor;
      }
    }
  };
  const int = (min: number, max: number): number => {
    const range = max - min;
    if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || range <= 0 || !Number.isSafeInteger(range)) {
      throw new UsageError(`No integers lie in [${min}, ${max}).`);
    }
    const wide = range > 2 ** 32;
    const span = wide ? 2 ** 53 : 2 ** 32;
    const limit = span - (span % range);
    for (;;) {
      const value = wide ? bits53() : uint32();
      if (value < limit) return min + (value % range);
    }
  };
  return {
    uint32,
    uniform,
    normal,
    int,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new UsageError("Nothing to pick from: the list is empty.");
      return items[int(0, items.length)] as T;
    },
    uniforms: (count, min, max) => Float32Array.from({ length: count }, () => uniform(min, max)),
    normals: (count, mean, deviation) => Float32Array.from({ length: count }, () => normal(mean, deviation)),
  };
}
