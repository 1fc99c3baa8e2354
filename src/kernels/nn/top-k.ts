// Room nn/top-k: the largest or smallest elements along one axis, in order, with their places.
import topKWgsl from "../../../shaders/nn/top-k.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements, type AxisShape } from "./rows.ts";
import { wordKinds, type WordKind } from "./scatter.ts";

const defaults = { wg: 64, smallest: 0, kind: 0 };

export const topKSpec: KernelSpec = {
  id: "nn/top-k",
  params: [
    ["count", "u32"],
    ["axis", "u32"],
    ["inner", "u32"],
    ["k", "u32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "values", access: "read_write" },
    { name: "places", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: topKWgsl }],
  tolerance: "exact",
};

/**
 * Buffers: x, words [outer, axis, inner]; values, words, and places, i32, both [outer, k, inner]; k <= axis.
 * @throws UnsupportedError for 2^31 elements or more
 */
export function topKCall(
  { outer, axis, inner }: AxisShape,
  k: number,
  options: { readonly kind: WordKind; readonly smallest?: boolean },
  overrides: Partial<Pick<typeof defaults, "wg">> = {},
): KernelCall {
  const count = outer * axis * inner;
  checkElements(count, "A search for the largest elements");
  const { wg } = { wg: 64, ...overrides };
  return {
    kernel: topKSpec.id,
    variant: "portable",
    overrides: { wg, smallest: options.smallest ? 1 : 0, kind: wordKinds.indexOf(options.kind) },
    params: { count, axis, inner, k },
    workgroups: k === 0 ? 0 : Math.ceil(count / wg),
    cost: { bytes: 4 * count + 8 * outer * k * inner, ops: 6 * count * axis },
  };
}
