// Room nn/conv-transpose: transposed convolution over 1 to 3 spatial dimensions, with groups, bias and activation.
import convTransposeWgsl from "../../../shaders/nn/conv-transpose.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { activationNumber, noActivation } from "./activation.ts";
import { convTile, type ConvOptions } from "./conv.ts";
import { axisParamNames, axisParams, windowAxes, type ConvShape } from "./conv-shape.ts";

const defaults = { wg: 64 };

export const convTransposeSpec: KernelSpec = {
  id: "nn/conv-transpose",
  params: [
    ["batch", "u32"],
    ["groups", "u32"],
    ["inputs", "u32"],
    ["outputs", "u32"],
    ...axisParamNames,
    ["w_a", "u32"],
    ["w_b", "u32"],
    ["w_c", "u32"],
    ["has_bias", "u32"],
    ["act", "u32"],
    ["act_a", "f32"],
    ["act_b", "f32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "weights", access: "read" },
    { name: "bias", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: convTransposeWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

/**
 * Spatial sizes of a transposed convolution's output.
 * @param outputPadding extra places at the end of each dimension
 */
export function convTransposeOutput(
  {
    input,
    kernel,
    strides,
    dilations,
    padsBegin,
  }: Omit<ConvShape, "output" | "batch" | "channels" | "outputs" | "groups">,
  padsEnd: readonly number[],
  outputPadding: readonly number[] = [],
): number[] {
  return input.map(
    (size, i) =>
      (strides[i] ?? 1) * (size - 1) +
      (dilations[i] ?? 1) * ((kernel[i] ?? 1) - 1) +
      1 -
      (padsBegin[i] ?? 0) -
      (padsEnd[i] ?? 0) +
      (outputPadding[i] ?? 0),
  );
}

/**
 * Buffers: x, f32 [batch, channels, input]; weights, f32 [channels, outputs / groups, kernel]; bias, f32 [outputs];
 * y, f32 [batch, outputs, output]. `padsBegin` cuts places off the output's start.
 * @throws UsageError for sizes that do not fit together; UnsupportedError for more than 3 dimensions or 2^31 words
 */
export function convTransposeCall(
  shape: ConvShape,
  { bias = false, activation = noActivation }: ConvOptions = {},
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { batch, channels, outputs, groups } = shape;
  convTile(shape);
  const axes = windowAxes(shape, outputs);
  const { a, b, c } = axes;
  const { wg } = { wg: 64, ...overrides };
  const [inputs, each] = [channels / groups, outputs / groups];
  const places = a.output * b.output * c.output;
  const taps = a.kernel * b.kernel * c.kernel;
  const sources = batch * channels * a.input * b.input * c.input;
  return {
    kernel: convTransposeSpec.id,
    variant: "portable",
    overrides: { wg },
    params: {
      batch,
      groups,
      inputs,
      outputs: each,
      ...axisParams(axes),
      w_a: a.w,
      w_b: b.w,
      w_c: c.w,
      has_bias: bias ? 1 : 0,
      act: activationNumber(activation.kind),
      act_a: activation.a ?? 0,
      act_b: activation.b ?? 0,
    },
    workgroups: Math.ceil((batch * groups * Math.ceil(each / 4) * places) / wg),
    cost: { bytes: 4 * (batch * outputs * places + sources + channels * each * taps), ops: 2 * sources * each * taps },
  };
}
