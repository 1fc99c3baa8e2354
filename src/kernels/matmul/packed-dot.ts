// Room matmul/packed-dot: products of packed int8 rows (LLM.int8() of Dettmers et al., 2022, has this form: a scale a
// token and a scale a channel) and of packed signs (XNOR-Net, Rastegari et al., 2016), summed exactly.
import { UnsupportedError } from "../../base/errors.ts";
import plainWgsl from "../../../shaders/matmul/packed-dot.wgsl";
import dot4Wgsl from "../../../shaders/matmul/packed-dot.wgsl?dot4";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { activationNumber, noActivation, type Activation } from "../nn/activation.ts";
import { lanesFor, type MatmulTarget } from "./batched.ts";

const defaults = { wg: 64, rows: 4, op: 0, raw: 0, has_bias: 0, activation: 0 };

export const packedDotSpec: KernelSpec = {
  id: "matmul/packed-dot",
  params: [
    ["m", "u32"],
    ["n", "u32"],
    ["k", "u32"],
    ["words", "u32"],
    ["act_a", "f32"],
    ["act_b", "f32"],
  ],
  bindings: [
    { name: "a", access: "read" },
    { name: "a_scales", access: "read" },
    { name: "w", access: "read" },
    { name: "w_scales", access: "read" },
    { name: "bias", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [
    { name: "dot4", requires: ["packed_4x8_integer_dot_product"], wgsl: dot4Wgsl },
    { name: "portable", requires: [], wgsl: plainWgsl },
  ],
  tolerance: { relative: 2e-5, floor: 1 },
};

/** Elements of packed rows: signed bytes or signs. */
export const packedElements = ["int8", "sign"] as const;
export type PackedElement = (typeof packedElements)[number];

/** Elements in a word. */
export const perWord: Readonly<Record<PackedElement, number>> = { int8: 4, sign: 32 };

export interface PackedDotShape {
  /** Rows of a and y. */
  readonly m: number;
  /** Rows of w, columns of y. */
  readonly n: number;
  /** Elements of a row. */
  readonly k: number;
  readonly bias?: boolean;
  readonly activation?: Activation;
  /** y holds the i32 sums, without scales, bias and activation. */
  readonly raw?: boolean;
}

/**
 * Push it as it is: the variant is the device's. Buffers: a, m rows of whole words; a_scales, f32 [m]; w, n rows;
 * w_scales, f32 [n]; bias, f32 [n] or any 4 bytes; y, f32 or i32 [m, n].
 * @throws UnsupportedError for rows whose sums do not fit 32 bits, and for 2^32 elements or more
 */
export function packedDotCall(
  element: PackedElement,
  shape: PackedDotShape,
  target: Pick<MatmulTarget, "features">,
  overrides: Partial<Pick<typeof defaults, "wg" | "rows">> = {},
): KernelCall {
  const { m, n, k, bias = false, activation = noActivation, raw = false } = shape;
  const words = Math.ceil(k / perWord[element]);
  if (k >= (element === "int8" ? 2 ** 17 : 2 ** 30) || Math.max(m * words, n * words, m * n) >= 2 ** 30) {
    throw new UnsupportedError(`A product of [${m}, ${k}] and [${n}, ${k}] is beyond one dispatch.`, {
      hint: "Cut the weight by rows, or the input by vectors; int8 rows have fewer than 131072 elements.",
      details: { m, n, k },
    });
  }
  const { wg, rows } = { wg: lanesFor(Math.ceil(n / 4)), rows: m > 1 ? 4 : 1, ...overrides };
  const dot4 = element === "int8" && target.features.includes("packed_4x8_integer_dot_product");
  return {
    kernel: packedDotSpec.id,
    variant: dot4 ? "dot4" : "portable",
    overrides: {
      wg,
      rows,
      op: packedElements.indexOf(element),
      raw: raw ? 1 : 0,
      has_bias: bias ? 1 : 0,
      activation: activationNumber(activation.kind),
    },
    params: { m, n, k, words, act_a: activation.a ?? 0, act_b: activation.b ?? 0 },
    workgroups: Math.ceil(m / rows) * Math.ceil(n / (4 * wg)),
    cost: { bytes: 4 * ((m + n) * words + m * n), ops: 2 * m * n * k },
  };
}
