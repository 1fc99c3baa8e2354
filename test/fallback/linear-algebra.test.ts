// Channel norms and matrix products on gpu.js against sums in doubles.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NonFiniteError, UsageError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { GpuJsMode } from "../../src/fallback/gpu-js.ts";
import { matmul } from "../../src/fallback/matmul.ts";
import { channelNorms, type ChannelShape } from "../../src/fallback/norms.ts";
import { openGpuJs } from "../../src/fallback/open-gpu-js.ts";

function exactNorms(values: Float32Array, { channels, inner }: ChannelShape): { l1: number[]; l2: number[] } {
  const l1 = Array.from({ length: channels }, () => 0);
  const squares = [...l1];
  for (const [index, value] of values.entries()) {
    const channel = Math.floor(index / inner) % channels;
    l1[channel] = (l1[channel] ?? 0) + Math.abs(value);
    squares[channel] = (squares[channel] ?? 0) + value * value;
  }
  return { l1, l2: squares.map((sum) => Math.sqrt(sum)) };
}

const near = (actual: ArrayLike<number>, expected: readonly number[], relative: number): void => {
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) {
    expect(Math.abs((actual[index] ?? NaN) - value)).toBeLessThanOrEqual(relative * value);
  }
};

describe("channelNorms", () => {
  it("is within 1e-5 for any shape and magnitude", async () => {
    const size = fc.integer({ min: 1, max: 70 });
    const shapes = fc.record({
      outer: fc.integer({ min: 1, max: 5 }),
      channels: fc.integer({ min: 1, max: 9 }),
      inner: size,
    });
    await fc.assert(
      fc.asyncProperty(shapes, fc.integer({ min: -60, max: 60 }), fc.integer(), async (shape, exponent, seed) => {
        const random = seededRandom(seed);
        const values = random.normals(shape.outer * shape.channels * shape.inner, 0, 2 ** exponent);
        const norms = await channelNorms(values, shape);
        const exact = exactNorms(values, shape);
        near(norms.l1, exact.l1, 1e-5);
        near(norms.l2, exact.l2, 1e-5);
      }),
      { numRuns: 60 },
    );
  });

  it("neither overflows nor vanishes", async () => {
    const values = Float32Array.of(3e38, -3e38, 1e-37, 1e-37, 0, 0);
    const { l1, l2 } = await channelNorms(values, { outer: 1, channels: 3, inner: 2 });
    near(l1, [6e38, 2e-37, 0], 1e-5);
    near(l2, [Math.SQRT2 * 3e38, Math.SQRT2 * 1e-37, 0], 1e-5);
  });

  it("sums long channels over many tiles", async () => {
    const shape = { outer: 2, channels: 3, inner: 40_000 };
    const values = seededRandom(3).normals(240_000);
    const norms = await channelNorms(values, shape);
    near(norms.l2, exactNorms(values, shape).l2, 1e-5);
  });

  it("takes nothing, and refuses what is no tensor", async () => {
    expect([...(await channelNorms(new Float32Array(), { outer: 0, channels: 2, inner: 5 })).l1]).toEqual([0, 0]);
    await expect(channelNorms(new Float32Array(5), { outer: 1, channels: 2, inner: 2 })).rejects.toBeInstanceOf(
      UsageError,
    );
    const error: unknown = await channelNorms(Float32Array.of(1, NaN, Infinity), {
      outer: 1,
      channels: 1,
      inner: 3,
    }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({ details: { count: 2, firstIndex: 1 } });
  });
});

describe.each<GpuJsMode>(["wasm", "cpu"])("matmul in mode %s", (mode) => {
  it.each([
    [1, 1, 1],
    [3, 5, 2],
    [1, 700, 130],
    [129, 257, 131],
    [200, 64, 1],
    [2, 0, 3],
    [0, 4, 4],
  ])("[%i, %i] by [.., %i]", async (m, k, n) => {
    const gpu = await openGpuJs({ mode });
    const [a, b] = [seededRandom(1).normals(m * k), seededRandom(2).normals(k * n)];
    const product = await matmul(a, b, m, k, n, gpu);
    expect(product.length).toBe(m * n);
    let worst = 0;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let [sum, size] = [0, 0];
        for (let l = 0; l < k; l++) {
          const term = (a[i * k + l] ?? 0) * (b[l * n + j] ?? 0);
          sum += term;
          size += Math.abs(term);
        }
        const error = Math.abs((product[i * n + j] ?? NaN) - sum);
        worst = Math.max(worst, size === 0 ? error : error / size);
      }
    }
    expect(worst).toBeLessThan(1e-5);
    await gpu.dispose();
  });

  it("refuses sizes that do not fit", async () => {
    await expect(matmul(new Float32Array(6), new Float32Array(6), 2, 3, 3)).rejects.toBeInstanceOf(UsageError);
  });
});
