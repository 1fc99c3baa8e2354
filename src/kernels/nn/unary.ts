// Room nn/unary: one function of each element, with the casts between the device's three word types.
import { InternalError } from "../../base/errors.ts";
import unaryWgsl from "../../../shaders/nn/unary.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { activationKinds, type ActivationKind } from "./activation.ts";

const defaults = { wg: 64, each: 4, op: 0 };

/** Functions of f32, by the number that the shader switches on. */
const realOps = {
  identity: 0,
  abs: 1,
  neg: 2,
  ceil: 3,
  floor: 4,
  round: 5,
  sign: 6,
  sqrt: 7,
  reciprocal: 8,
  exp: 9,
  log: 10,
  sin: 11,
  cos: 12,
  tan: 13,
  asin: 14,
  acos: 15,
  atan: 16,
  sinh: 17,
  cosh: 18,
  asinh: 19,
  acosh: 20,
  atanh: 21,
  erf: 22,
  softplus: 23,
  softsign: 24,
  mish: 25,
  /** Zero between -a and a, else moved towards zero by b. */
  shrink: 26,
  /** Zero up to a. */
  thresholdedRelu: 27,
  /** b times elu with slope a. */
  selu: 28,
  celu: 29,
  square: 30,
  reciprocalSqrt: 31,
  /** a x + b. */
  affine: 32,
  /** x sigmoid(a x). */
  swish: 33,
} as const;

/** Functions of words: f32 or i32 in or out. */
const wordOps = {
  /** 1 where x (i32) is 0. */
  not: 64,
  isNan: 65,
  /** Negative infinities count where a is not 0, positive ones where b is not 0. */
  isInf: 66,
  intNeg: 67,
  intAbs: 68,
  intSign: 69,
  bitwiseNot: 70,
  realToInt: 71,
  intToReal: 72,
  realToBool: 73,
  intToBool: 74,
  /** Keeps the low `a` bits of an i32, with sign. */
  wrapSigned: 75,
  wrapUnsigned: 76,
  /** Rounds to the nearest f16, and to bf16. */
  roundHalf: 77,
  roundBfloat: 78,
  uintToReal: 79,
  realToUint: 80,
  intClip: 81,
} as const;

export type UnaryOp = keyof typeof realOps | keyof typeof wordOps | Exclude<ActivationKind, "none">;

const activationBase = 40;

export function unaryNumber(op: UnaryOp): number {
  if (op in realOps) return realOps[op as keyof typeof realOps];
  if (op in wordOps) return wordOps[op as keyof typeof wordOps];
  const kind = activationKinds.indexOf(op as ActivationKind);
  if (kind < 0) throw new InternalError(`There is no unary operation ${op}.`);
  return activationBase + kind;
}

export const unarySpec: KernelSpec = {
  id: "nn/unary",
  params: [
    ["count", "u32"],
    ["a", "f32"],
    ["b", "f32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: unaryWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

/** Buffers: x and y, `count` words each. `a` and `b` are the operation's constants. */
export function unaryCall(
  count: number,
  op: UnaryOp,
  a = 0,
  b = 0,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg, each } = { ...defaults, ...overrides };
  return {
    kernel: unarySpec.id,
    variant: "portable",
    overrides: { wg, each, op: unaryNumber(op) },
    params: { count, a, b },
    workgroups: Math.ceil(count / (wg * each)),
    cost: { bytes: 8 * count, ops: 8 * count },
  };
}
