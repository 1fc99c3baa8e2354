// Room nn/max-pool-indices: where max pooling finds its maxima.
import maxPoolIndicesWgsl from "../../../shaders/nn/max-pool-indices.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { axisParamNames, axisParams, windowAxes, type WindowShape } from "./conv-shape.ts";

const defaults = { wg: 64 };

export const maxPoolIndicesSpec: KernelSpec = {
  id: "nn/max-pool-indices",
  params: [
    ["planes", "u32"],
    ...axisParamNames,
    ["index_a", "u32"],
    ["index_b", "u32"],
    ["index_c", "u32"],
    ["turned", "u32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: maxPoolIndicesWgsl }],
  tolerance: "exact",
};

/**
 * Buffers: x, f32 [batch, channels, input]; y, i32 [batch, channels, output], indices into all of x. With
 * `columnMajor` (storage_order 1) the spatial part counts the first spatial dimension fastest.
 * @throws UsageError for lists that do not fit together; UnsupportedError for more than 3 dimensions or 2^31 words
 */
export function maxPoolIndicesCall(
  shape: WindowShape,
  columnMajor = false,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { wg: 64, ...overrides };
  const axes = windowAxes(shape);
  // The same axes with their dimensions in reverse: x strides of the other storage order.
  const reversed = (stride: number): number => {
    const dimension = shape.input.findIndex((_, i) => shape.input.slice(i + 1).reduce((n, s) => n * s, 1) === stride);
    return shape.input.slice(0, Math.max(dimension, 0)).reduce((n, s) => n * s, 1);
  };
  const indexOf = ({ x, input }: { x: number; input: number }): number =>
    input === 1 ? 0 : columnMajor ? reversed(x) : x;
  const { a, b, c } = axes;
  const planes = shape.batch * shape.channels;
  const outputs = planes * a.output * b.output * c.output;
  return {
    kernel: maxPoolIndicesSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      planes,
      ...axisParams(axes),
      index_a: indexOf(a),
      index_b: indexOf(b),
      index_c: indexOf(c),
      turned: a.x === 1 ? 1 : 0,
    },
    workgroups: Math.ceil(outputs / wg),
    cost: {
      bytes: 4 * (outputs + planes * a.input * b.input * c.input),
      ops: 2 * outputs * a.kernel * b.kernel * c.kernel,
    },
  };
}
