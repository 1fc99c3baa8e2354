// Room nn/gather: slices along an axis by index, as ONNX Gather and embeddings.
import gatherWgsl from "../../../shaders/nn/gather.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 64, each: 4 };

export const gatherSpec: KernelSpec = {
  id: "nn/gather",
  params: [
    ["count", "u32"],
    ["axis", "u32"],
    ["picks", "u32"],
    ["inner", "u32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "indices", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: gatherWgsl }],
  tolerance: "exact",
};

export interface GatherShape {
  /** Elements before, along and after the axis. */
  readonly outer: number;
  readonly axis: number;
  readonly inner: number;
  /** Indices. */
  readonly picks: number;
}

/** Buffers: x [outer, axis, inner] words, indices i32 [picks], y [outer, picks, inner]. */
export function gatherCall(
  { outer, axis, inner, picks }: GatherShape,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg, each } = { ...defaults, ...overrides };
  const count = outer * picks * inner;
  return {
    kernel: gatherSpec.id,
    variant: "portable",
    overrides: { wg, each },
    params: { count, axis, picks, inner },
    workgroups: Math.ceil(count / (wg * each)),
    cost: { bytes: 12 * count, ops: 10 * count },
  };
}
