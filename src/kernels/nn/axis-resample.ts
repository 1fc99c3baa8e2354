// Room nn/axis-resample: weighted sums of elements along one axis; one pass of a resize, whose tables
// resize-table.ts makes.
import axisResampleWgsl from "../../../shaders/nn/axis-resample.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements, type AxisShape } from "./rows.ts";

const defaults = { wg: 64 };

export const axisResampleSpec: KernelSpec = {
  id: "nn/axis-resample",
  params: [
    ["outer", "u32"],
    ["axis", "u32"],
    ["inner", "u32"],
    ["length", "u32"],
    ["taps", "u32"],
    ["fill", "f32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "indices", access: "read" },
    { name: "weights", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: axisResampleWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

/**
 * Buffers: x, f32 [outer, axis, inner]; indices, i32 [length, taps]; weights, f32 [length, taps]; y, f32 [outer,
 * length, inner].
 * @param table sizes of the table, as resizeTable gives them
 * @param fill the value of outputs whose first index is -1
 * @throws UnsupportedError for 2^31 elements or more
 */
export function axisResampleCall(
  shape: AxisShape,
  { length, taps }: { readonly length: number; readonly taps: number },
  fill = 0,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { outer, axis, inner } = shape;
  const count = outer * length * inner;
  checkElements(Math.max(count, outer * axis * inner), "A resize");
  const { wg } = { wg: 64, ...overrides };
  return {
    kernel: axisResampleSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { outer, axis, inner, length, taps, fill },
    workgroups: Math.ceil(count / wg),
    cost: { bytes: 4 * (count + outer * axis * inner) + 8 * length * taps, ops: 2 * count * taps },
  };
}
