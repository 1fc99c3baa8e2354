// Room nn/reduce: sums, means, extremes, products and norms along one axis.
import reduceWgsl from "../../../shaders/nn/reduce.wgsl";
import reduceWholeWgsl from "../../../shaders/nn/reduce.wgsl?whole";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements, splitFor, type AxisShape } from "./rows.ts";

const defaults = { wg: 64, split: 1, op: 0 };

/** By the number that the shader switches on. */
export const reduceOps = ["sum", "mean", "max", "min", "prod", "l1", "l2", "sumSquare", "logSum", "logSumExp"] as const;

export type ReduceOp = (typeof reduceOps)[number];

/** Added to the numbers of operations on i32. */
export const wholeBase = 16;

/** The operations that i32 has too. */
export type WholeReduceOp = Extract<ReduceOp, "sum" | "max" | "min" | "prod">;

export const reduceSpec: KernelSpec = {
  id: "nn/reduce",
  params: [
    ["outer", "u32"],
    ["axis", "u32"],
    ["inner", "u32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [
    { name: "portable", requires: [], wgsl: reduceWgsl },
    { name: "whole", requires: [], wgsl: reduceWholeWgsl },
  ],
  tolerance: { relative: 2e-5, floor: 1 },
};

/**
 * Buffers: x, f32 [outer, axis, inner]; y, f32 [outer, inner]. With `whole` both are i32.
 * @throws UnsupportedError for 2^31 elements or more
 */
export function reduceCall(
  shape: AxisShape,
  operation: ReduceOp | { readonly whole: WholeReduceOp },
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { outer, axis, inner } = shape;
  checkElements(outer * axis * inner, "A reduction");
  const whole = typeof operation === "object";
  const { wg, split } = { wg: 64, split: splitFor(outer * inner, axis), ...overrides };
  return {
    kernel: reduceSpec.id,
    variant: whole ? "whole" : "portable",
    overrides: { wg, split, op: whole ? wholeBase + reduceOps.indexOf(operation.whole) : reduceOps.indexOf(operation) },
    params: { outer, axis, inner },
    workgroups: Math.ceil((outer * inner * split) / wg),
    cost: { bytes: 4 * outer * inner * (axis + 1), ops: 2 * outer * axis * inner },
  };
}
