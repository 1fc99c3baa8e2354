// Room nn/pack-conv-weights: a convolution's weights as nn/conv reads them; run once for constant weights.
import packConvWeightsWgsl from "../../../shaders/nn/pack-conv-weights.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { convTile } from "./conv.ts";
import { windowAxes, type ConvShape } from "./conv-shape.ts";

const defaults = { wg: 64 };

export const packConvWeightsSpec: KernelSpec = {
  id: "nn/pack-conv-weights",
  params: [
    ["count", "u32"],
    ["outputs", "u32"],
    ["inputs", "u32"],
    ["blocks", "u32"],
    ["tile", "u32"],
    ["k_a", "u32"],
    ["k_b", "u32"],
    ["k_c", "u32"],
    ["w_a", "u32"],
    ["w_b", "u32"],
    ["w_c", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "target_weights", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: packConvWeightsWgsl }],
  tolerance: "exact",
};

/** Bytes of a convolution's packed weights. */
export function packedConvWeightBytes(shape: ConvShape): number {
  const { blocks, tile } = convTile(shape);
  const taps = shape.kernel.reduce((all, size) => all * size, 1);
  return 4 * shape.groups * blocks * tile * (shape.channels / shape.groups) * taps;
}

/**
 * Buffers: source, f32 [outputs, channels / groups, kernel]; target_weights, packedConvWeightBytes(shape).
 * @throws UsageError, UnsupportedError as convCall
 */
export function packConvWeightsCall(shape: ConvShape, overrides: Partial<typeof defaults> = {}): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const { a, b, c } = windowAxes(shape, shape.outputs);
  const { blocks, tile } = convTile(shape);
  const count = packedConvWeightBytes(shape) / 4;
  return {
    kernel: packConvWeightsSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      count,
      outputs: shape.outputs / shape.groups,
      inputs: shape.channels / shape.groups,
      blocks,
      tile,
      k_a: a.kernel,
      k_b: b.kernel,
      k_c: c.kernel,
      w_a: a.w,
      w_b: b.w,
      w_c: c.w,
    },
    workgroups: Math.ceil(count / wg),
    cost: { bytes: 8 * count, ops: 20 * count },
  };
}
