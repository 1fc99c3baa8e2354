// Room matmul/integer: products of integer matrices with zero points, summed exactly in 32 bits.
import { UnsupportedError } from "../../base/errors.ts";
import integerWgsl from "../../../shaders/matmul/integer.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 64 };

export const integerMatmulSpec: KernelSpec = {
  id: "matmul/integer",
  params: [
    ["m", "u32"],
    ["n", "u32"],
    ["k", "u32"],
    ["batch", "u32"],
    ["a_batch", "u32"],
    ["b_batch", "u32"],
    ["a_zero_step", "u32"],
    ["b_zero_step", "u32"],
  ],
  bindings: [
    { name: "a", access: "read" },
    { name: "b", access: "read" },
    { name: "a_zero", access: "read" },
    { name: "b_zero", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: integerWgsl }],
  tolerance: "exact",
};

export interface IntegerMatmulShape {
  /** Rows of a and y. */
  readonly m: number;
  /** Columns of b and y. */
  readonly n: number;
  /** Columns of a, rows of b. */
  readonly k: number;
  /** Products in all; default 1. */
  readonly batch?: number;
  /** All products take the same a, or the same b. */
  readonly sharedA?: boolean;
  readonly sharedB?: boolean;
  /** a has a zero point for each row, b one for each column; default one for all. */
  readonly zeroPerRow?: boolean;
  readonly zeroPerColumn?: boolean;
}

/**
 * Buffers, i32 words: a, [batch, m, k], or [m, k] where shared; b, [batch, k, n] or [k, n]; a_zero, one word or [m];
 * b_zero, one word or [n] (a word of 0 for none); y, [batch, m, n].
 * @throws UnsupportedError for 2^32 elements or more
 */
export function integerMatmulCall(shape: IntegerMatmulShape, overrides: Partial<typeof defaults> = {}): KernelCall {
  const { m, n, k, batch = 1, sharedA = false, sharedB = false } = shape;
  const { wg } = { ...defaults, ...overrides };
  if (batch * Math.max(m * k, k * n, (m + 3) * n) >= 2 ** 32) {
    throw new UnsupportedError(`A product of ${batch} times [${m}, ${k}] and [${k}, ${n}] is beyond one dispatch.`, {
      hint: "Cut it along the batch or the rows.",
      details: { m, n, k, batch },
    });
  }
  return {
    kernel: integerMatmulSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      m,
      n,
      k,
      batch,
      a_batch: sharedA ? 0 : m * k,
      b_batch: sharedB ? 0 : k * n,
      a_zero_step: shape.zeroPerRow ? 1 : 0,
      b_zero_step: shape.zeroPerColumn ? 1 : 0,
    },
    workgroups: Math.ceil((batch * Math.ceil(m / 4) * n) / wg),
    cost: { bytes: 4 * batch * (m * k + k * n + m * n), ops: 4 * batch * m * n * k },
  };
}
