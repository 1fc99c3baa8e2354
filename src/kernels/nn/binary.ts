// Room nn/binary: operations of two broadcast tensors.
import binaryWgsl from "../../../shaders/nn/binary.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { broadcastParams, broadcastStrides, mergeDims } from "./broadcast.ts";

const defaults = { wg: 64, each: 4, op: 0, rank: 6 };

/** Operations by the number that the shader switches on: below 64 on f32, from 64 on i32, from 128 on u32. */
export const binaryOps = {
  add: 0,
  sub: 1,
  mul: 2,
  div: 3,
  pow: 4,
  min: 5,
  max: 6,
  /** Sign of the dividend, as C's fmod. */
  fmod: 7,
  /** Sign of the divisor, as Python's. */
  mod: 8,
  prelu: 9,
  /** An f32 to the power of an i32. */
  powInt: 10,
  equal: 16,
  greater: 17,
  less: 18,
  greaterOrEqual: 19,
  lessOrEqual: 20,
  intAdd: 64,
  intSub: 65,
  intMul: 66,
  intDiv: 67,
  intPow: 68,
  intMin: 69,
  intMax: 70,
  intFmod: 71,
  intMod: 72,
  and: 73,
  or: 74,
  xor: 75,
  shiftLeft: 76,
  shiftRight: 77,
  intEqual: 80,
  intGreater: 81,
  intLess: 82,
  intGreaterOrEqual: 83,
  intLessOrEqual: 84,
  uintDiv: 128,
  uintMin: 129,
  uintMax: 130,
  uintMod: 131,
  uintGreater: 132,
  uintLess: 133,
  uintGreaterOrEqual: 134,
  uintLessOrEqual: 135,
} as const;

export type BinaryOp = keyof typeof binaryOps;

/** Most dims that are left after merging. */
export const binaryRank = 6;

const strideNames = ["a", "b"].flatMap((name) =>
  Array.from({ length: binaryRank }, (_, i) => [`${name}${i}`, "u32"] as const),
);

export const binarySpec: KernelSpec = {
  id: "nn/binary",
  params: [
    ["count", "u32"],
    ...Array.from({ length: binaryRank - 1 }, (_, i) => [`d${i + 1}`, "u32"] as const),
    ...strideNames,
  ],
  bindings: [
    { name: "a", access: "read" },
    { name: "b", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: binaryWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface BinaryShape {
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** What both broadcast to. */
  readonly y: readonly number[];
}

/**
 * Buffers: a, b and y, dense and row-major.
 * @throws UnsupportedError where more than six dims are left after merging
 */
export function binaryCall(
  op: BinaryOp,
  { a, b, y }: BinaryShape,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg, each } = { ...defaults, ...overrides };
  const plan = mergeDims(y, [broadcastStrides(a, y), broadcastStrides(b, y)]);
  const count = y.reduce((product, dim) => product * dim, 1);
  return {
    kernel: binarySpec.id,
    variant: "portable",
    overrides: { wg, each, op: binaryOps[op], rank: Math.max(1, plan.dims.length) },
    params: { count, ...broadcastParams(plan, ["a", "b"], binaryRank) },
    workgroups: Math.ceil(count / (wg * each)),
    cost: { bytes: 12 * count, ops: 4 * count },
  };
}
