// Room nn/cumulative-sum: running sums along one axis.
import cumulativeSumWgsl from "../../../shaders/nn/cumulative-sum.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements, type AxisShape } from "./rows.ts";

const defaults = { wg: 64, kind: 0 };

export const cumulativeSumSpec: KernelSpec = {
  id: "nn/cumulative-sum",
  params: [
    ["outer", "u32"],
    ["axis", "u32"],
    ["inner", "u32"],
    ["exclusive", "u32"],
    ["reverse", "u32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: cumulativeSumWgsl }],
  tolerance: "exact",
};

export interface CumulativeSumOptions {
  readonly exclusive?: boolean;
  readonly reverse?: boolean;
  /** Integers wrap; the others are f32. */
  readonly whole?: boolean;
}

/**
 * Buffers: x and y, words [outer, axis, inner].
 * @throws UnsupportedError for 2^31 elements or more
 */
export function cumulativeSumCall(
  { outer, axis, inner }: AxisShape,
  { exclusive = false, reverse = false, whole = false }: CumulativeSumOptions = {},
  overrides: Partial<Pick<typeof defaults, "wg">> = {},
): KernelCall {
  const count = outer * axis * inner;
  checkElements(count, "A running sum");
  const { wg } = { wg: 64, ...overrides };
  return {
    kernel: cumulativeSumSpec.id,
    variant: "portable",
    overrides: { wg, kind: whole ? 1 : 0 },
    params: { outer, axis, inner, exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 },
    workgroups: count === 0 ? 0 : Math.ceil((outer * inner) / wg),
    cost: { bytes: 8 * count, ops: 2 * count },
  };
}
