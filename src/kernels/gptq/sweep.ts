// Room gptq/sweep: one block of a weight's input channels, each quantized to make up for the errors before it.
import { UnsupportedError } from "../../base/errors.ts";
import sweepWgsl from "../../../shaders/gptq/sweep.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { ruleParamList, ruleParams, type AffineRule } from "../quantize/affine-rule.ts";

const defaults = { wg: 64, find: 0 };

export const sweepSpec: KernelSpec = {
  id: "gptq/sweep",
  params: [
    ["line", "u32"],
    ["at", "u32"],
    ["count", "u32"],
    ["n", "u32"],
    ["w_row", "u32"],
    ["w_col", "u32"],
    ["group_row", "u32"],
    ["group_col", "u32"],
    ["block", "u32"],
    ...ruleParamList,
    ["clips", "u32"],
  ],
  bindings: [
    { name: "u", access: "read" },
    { name: "y", access: "read" },
    { name: "order", access: "read" },
    { name: "w", access: "read_write" },
    { name: "d", access: "read_write" },
    { name: "scales", access: "read_write" },
    { name: "zero_points", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: sweepWgsl }],
  tolerance: { relative: 1e-4, floor: 0.1 },
};

export interface SweepShape {
  /** Channels, padded to a multiple of 4: a row of the factor. */
  readonly line: number;
  /** First channel of the block in the order of the sweep; a multiple of 4. */
  readonly at: number;
  /** Channels of the block. */
  readonly count: number;
  /** Output channels. */
  readonly n: number;
  /** Elements from one output channel, and from one input channel, to the next. */
  readonly weight: { readonly row: number; readonly col: number };
  /** Groups from one output channel, and from one block of input channels, to the next. */
  readonly group: { readonly row: number; readonly col: number };
  /** Input channels, in the weight's own order, that share a scale. */
  readonly blockSize: number;
}

/**
 * Buffers: u, f32 [line, line]; y, f32 [count, n padded to 4] (any 16 bytes at 0); order, u32 [channels]; w, f32;
 * d, f32 [line, n padded to 4]; scales, f32 and zero_points, i32, one per group.
 * @param find only sets the scale and zero point of the block, which is one group: how many clipped ranges to try, 1 for
 *   the whole range alone. The same block is then quantized by another call without.
 * @throws UnsupportedError for 2^31 elements or more
 */
export function sweepCall(shape: SweepShape, rule: AffineRule, find?: { readonly clips: number }): KernelCall {
  const { line, at, count, n, weight, group, blockSize } = shape;
  if (line * Math.max(line, n + 3) >= 2 ** 31) {
    throw new UnsupportedError(`A weight of ${n} x ${line} is too large for one sweep.`, { details: { n, k: line } });
  }
  const lanes = Math.ceil(n / 4);
  return {
    kernel: sweepSpec.id,
    variant: "portable",
    overrides: { ...defaults, find: find ? 1 : 0 },
    params: {
      line,
      at,
      count,
      n,
      w_row: weight.row,
      w_col: weight.col,
      group_row: group.row,
      group_col: group.col,
      block: blockSize,
      ...ruleParams(rule),
      clips: find?.clips ?? 1,
    },
    workgroups: Math.ceil(lanes / defaults.wg),
    cost: { bytes: 16 * count * n, ops: n * count * (count + 16 * (find?.clips ?? 1)) },
  };
}
