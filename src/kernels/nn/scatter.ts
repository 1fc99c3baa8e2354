// Room nn/scatter: updates written or added at indices along one axis, in a fixed order.
import scatterWgsl from "../../../shaders/nn/scatter.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements, type AxisShape } from "./rows.ts";

const defaults = { wg: 64, op: 0, kind: 0 };

/** By the number that the shader knows them by. */
const scatterOps = ["none", "add", "mul", "max", "min"] as const;
export const wordKinds = ["f32", "i32", "u32"] as const;

export type ScatterOp = (typeof scatterOps)[number];
export type WordKind = (typeof wordKinds)[number];

export const isScatterOp = (name: string): name is ScatterOp => scatterOps.some((op) => op === name);

export const scatterSpec: KernelSpec = {
  id: "nn/scatter",
  params: [
    ["count", "u32"],
    ["axis", "u32"],
    ["picks", "u32"],
    ["inner", "u32"],
    ["index_inner", "u32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "indices", access: "read" },
    { name: "updates", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: scatterWgsl }],
  tolerance: "exact",
};

export interface ScatterShape extends AxisShape {
  /** Updates along the axis. */
  readonly picks: number;
  /** Whether all elements of an inner row share one index. */
  readonly sharedIndices: boolean;
}

/**
 * Buffers: x [outer, axis, inner] words, indices i32 [outer, picks, inner or 1], updates [outer, picks, inner], y as x.
 * @throws UnsupportedError for 2^31 elements or more
 */
export function scatterCall(
  shape: ScatterShape,
  op: ScatterOp,
  kind: WordKind,
  overrides: Partial<Pick<typeof defaults, "wg">> = {},
): KernelCall {
  const { outer, axis, inner, picks, sharedIndices } = shape;
  const count = outer * axis * inner;
  checkElements(Math.max(count, outer * picks * inner), "A scatter");
  const { wg } = { wg: 64, ...overrides };
  return {
    kernel: scatterSpec.id,
    variant: "portable",
    overrides: { wg, op: scatterOps.indexOf(op), kind: wordKinds.indexOf(kind) },
    params: { count, axis, picks, inner, index_inner: sharedIndices ? 1 : inner },
    workgroups: Math.ceil(count / wg),
    cost: { bytes: 8 * count + 8 * outer * picks * inner, ops: 4 * count * picks },
  };
}
