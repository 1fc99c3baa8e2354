// Room nn/conv-depthwise: convolution of each channel by itself, over 1 to 3 spatial dimensions.
import { UsageError } from "../../base/errors.ts";
import convDepthwiseWgsl from "../../../shaders/nn/conv-depthwise.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { activationNumber, noActivation } from "./activation.ts";
import type { ConvOptions } from "./conv.ts";
import { axisParamNames, axisParams, windowAxes, type ConvShape } from "./conv-shape.ts";

const defaults = { wg: 64, slide: 0 };

/** Outputs along axis a that one thread computes; the shader's constant. */
const along = 4;

export const convDepthwiseSpec: KernelSpec = {
  id: "nn/conv-depthwise",
  params: [
    ["planes", "u32"],
    ["channels", "u32"],
    ["multiplier", "u32"],
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
  variants: [{ name: "portable", requires: [], wgsl: convDepthwiseWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

/** Whether a convolution is one of each channel by itself. */
export const isDepthwise = ({ channels, outputs, groups }: ConvShape): boolean =>
  groups === channels && outputs % channels === 0;

/**
 * Buffers: x, f32 [batch, channels, input]; weights as the model has them, f32 [outputs, 1, kernel]; bias, f32
 * [outputs]; y, f32 [batch, outputs, output].
 * @throws UsageError for groups of more than one channel and for sizes that do not fit together; UnsupportedError for
 *   more than 3 dimensions or 2^31 words
 */
export function convDepthwiseCall(
  shape: ConvShape,
  { bias = false, activation = noActivation }: ConvOptions = {},
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { batch, channels, outputs, groups } = shape;
  if (!isDepthwise(shape)) {
    throw new UsageError(`${groups} groups of ${channels} channels to ${outputs} are no depthwise convolution.`, {
      details: { channels, outputs, groups },
    });
  }
  const axes = windowAxes(shape, outputs);
  const { a, b, c } = axes;
  const slides = a.kernel === 3 && a.stride === 1 && a.dilation === 1;
  const { wg, slide } = { wg: 64, slide: slides ? 3 : 0, ...overrides };
  const planes = batch * outputs;
  const results = planes * a.output * b.output * c.output;
  return {
    kernel: convDepthwiseSpec.id,
    variant: "portable",
    overrides: { wg, slide },
    params: {
      planes,
      channels: outputs,
      multiplier: outputs / channels,
      ...axisParams(axes),
      w_a: a.w,
      w_b: b.w,
      w_c: c.w,
      has_bias: bias ? 1 : 0,
      act: activationNumber(activation.kind),
      act_a: activation.a ?? 0,
      act_b: activation.b ?? 0,
    },
    workgroups: Math.ceil((planes * b.output * c.output * Math.ceil(a.output / along)) / wg),
    cost: {
      bytes: 4 * (results + batch * channels * a.input * b.input * c.input),
      ops: 2 * results * a.kernel * b.kernel * c.kernel,
    },
  };
}
