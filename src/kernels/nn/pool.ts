// Room nn/pool: max, average and Lp pooling over 1 to 3 spatial dimensions.
import poolWgsl from "../../../shaders/nn/pool.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { axisParamNames, axisParams, windowAxes, type WindowShape } from "./conv-shape.ts";

const defaults = { wg: 64, op: 0 };

/** By the number that the shader knows them by. */
export const poolOps = ["max", "average", "averageWithPadding", "lp"] as const;

export type PoolOp = (typeof poolOps)[number];

export const poolSpec: KernelSpec = {
  id: "nn/pool",
  params: [
    ["planes", "u32"],
    ...axisParamNames,
    ["limit_a", "u32"],
    ["limit_b", "u32"],
    ["limit_c", "u32"],
    ["p", "f32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: poolWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface PoolOptions {
  /** Padding after each dimension, which averageWithPadding counts; none by default. */
  readonly padsEnd?: readonly number[];
  /** The power of lp; 2 by default. */
  readonly p?: number;
}

/**
 * Buffers: x, f32 [batch, channels, input]; y, f32 [batch, channels, output]. The output's sizes are the caller's, so
 * that they may be rounded up.
 * @throws UsageError for lists that do not fit together; UnsupportedError for more than 3 dimensions or 2^31 words
 */
export function poolCall(
  shape: WindowShape,
  operation: PoolOp,
  { padsEnd = shape.input.map(() => 0), p = 2 }: PoolOptions = {},
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { wg: 64, ...overrides };
  const axes = windowAxes(shape);
  const { a, b, c } = axes;
  const ends = windowAxes({ ...shape, padsBegin: padsEnd }, shape.channels);
  const planes = shape.batch * shape.channels;
  const outputs = planes * a.output * b.output * c.output;
  return {
    kernel: poolSpec.id,
    variant: "portable",
    overrides: { wg, op: poolOps.indexOf(operation) },
    params: {
      planes,
      ...axisParams(axes),
      limit_a: a.pad + a.input + ends.a.pad,
      limit_b: b.pad + b.input + ends.b.pad,
      limit_c: c.pad + c.input + ends.c.pad,
      p,
    },
    workgroups: Math.ceil(outputs / wg),
    cost: {
      bytes: 4 * (outputs + planes * a.input * b.input * c.input),
      ops: outputs * a.kernel * b.kernel * c.kernel,
    },
  };
}
