// Room nn/arg-reduce: the place of the largest or smallest element along one axis.
import argReduceWgsl from "../../../shaders/nn/arg-reduce.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements, type AxisShape } from "./rows.ts";

const defaults = { wg: 64, op: 0 };

/** By the number that the shader knows them by. */
const argOps = ["argMax", "argMin"] as const;

export type ArgReduceOp = (typeof argOps)[number];

export const argReduceSpec: KernelSpec = {
  id: "nn/arg-reduce",
  params: [
    ["outer", "u32"],
    ["axis", "u32"],
    ["inner", "u32"],
    ["select_last", "u32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: argReduceWgsl }],
  tolerance: "exact",
};

/**
 * Buffers: x, f32 [outer, axis, inner]; y, i32 [outer, inner].
 * @throws UnsupportedError for 2^31 elements or more
 */
export function argReduceCall(
  shape: AxisShape,
  operation: ArgReduceOp,
  selectLast = false,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { outer, axis, inner } = shape;
  checkElements(outer * axis * inner, "A reduction");
  const { wg } = { wg: 64, ...overrides };
  return {
    kernel: argReduceSpec.id,
    variant: "portable",
    overrides: { wg, op: argOps.indexOf(operation) },
    params: { outer, axis, inner, select_last: selectLast ? 1 : 0 },
    workgroups: Math.ceil((outer * inner) / wg),
    cost: { bytes: 4 * outer * inner * (axis + 1), ops: 3 * outer * axis * inner },
  };
}
