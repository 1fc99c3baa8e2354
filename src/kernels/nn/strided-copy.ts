// Room nn/strided-copy: a box of words from one strided layout to another.
import { UnsupportedError } from "../../base/errors.ts";
import stridedCopyWgsl from "../../../shaders/nn/strided-copy.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { broadcastParams, mergeDims } from "./broadcast.ts";

const defaults = { wg: 64, each: 4, rank: 6 };

/** Most dims that are left after merging. */
export const stridedCopyRank = 6;

const sideParams = (name: string) => [
  [`${name}_start`, "i32"] as const,
  ...Array.from({ length: stridedCopyRank }, (_, i) => [`${name}${i}`, "i32"] as const),
];

export const stridedCopySpec: KernelSpec = {
  id: "nn/strided-copy",
  params: [
    ["count", "u32"],
    ...Array.from({ length: stridedCopyRank - 1 }, (_, i) => [`d${i + 1}`, "u32"] as const),
    ...sideParams("x"),
    ...sideParams("y"),
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: stridedCopyWgsl }],
  tolerance: "exact",
};

/** One side of a copy: where the box starts and how far apart its elements are, in words. */
export interface StridedSide {
  readonly start: number;
  /** One per dim; may be negative or 0. */
  readonly strides: readonly number[];
}

/**
 * Copies a box of `dims`. Buffers: x and y, words. What the box does not cover of y stays as it is.
 * @throws UnsupportedError where more than six dims are left after merging, or a position is beyond 2^31
 */
export function stridedCopyCall(
  dims: readonly number[],
  x: StridedSide,
  y: StridedSide,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg, each } = { ...defaults, ...overrides };
  const plan = mergeDims(dims, [x.strides, y.strides]);
  const count = dims.reduce((product, dim) => product * dim, 1);
  const reach = ({ start, strides }: StridedSide): number =>
    dims.reduce((sum, dim, i) => sum + Math.abs(strides[i] ?? 0) * Math.max(0, dim - 1), start);
  if (reach(x) >= 2 ** 31 || reach(y) >= 2 ** 31) {
    throw new UnsupportedError(`A copy of ${dims.join(" x ")} elements reaches beyond 2^31 words.`, {
      hint: "Use a smaller batch or sequence.",
      details: { dims: dims.join("x") },
    });
  }
  return {
    kernel: stridedCopySpec.id,
    variant: "portable",
    overrides: { wg, each, rank: plan.dims.length },
    params: { count, x_start: x.start, y_start: y.start, ...broadcastParams(plan, ["x", "y"], stridedCopyRank) },
    workgroups: Math.ceil(count / (wg * each)),
    cost: { bytes: 8 * count, ops: 4 * count * plan.dims.length },
  };
}
