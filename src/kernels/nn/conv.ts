// Room nn/conv: direct convolution over 1 to 3 spatial dimensions, with groups, bias and activation.
import { UsageError } from "../../base/errors.ts";
import type { DeviceProfile } from "../../base/profile.ts";
import convWgsl from "../../../shaders/nn/conv.wgsl";
import convNarrowWgsl from "../../../shaders/nn/conv.wgsl?narrow";
import convSubgroupsWgsl from "../../../shaders/nn/conv.wgsl?subgroups";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { activationNumber, noActivation, type Activation } from "./activation.ts";
import {
  axisParamNames,
  axisParams,
  windowAxes,
  workgroupFor,
  type Axis,
  type AxisName,
  type ConvShape,
} from "./conv-shape.ts";

const defaults = { wg: 64, slide: 0 };

/** Outputs along axis a that one thread computes; the shader's constant. */
const along = 8;

export const convSpec: KernelSpec = {
  id: "nn/conv",
  params: [
    ["batch", "u32"],
    ["groups", "u32"],
    ["inputs", "u32"],
    ["outputs", "u32"],
    ["blocks", "u32"],
    ["items", "u32"],
    ...axisParamNames,
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
  variants: [
    { name: "subgroups", requires: ["subgroups"], wgsl: convSubgroupsWgsl },
    { name: "portable", requires: [], wgsl: convWgsl },
    { name: "narrow", requires: [], wgsl: convNarrowWgsl },
  ],
  tolerance: { relative: 2e-5, floor: 1 },
};

/**
 * Output channels of a group that one thread computes, and blocks of so many.
 * @throws UsageError for channels that the groups do not divide
 */
export function convTile({ channels, outputs, groups }: ConvShape): { readonly tile: 4 | 16; readonly blocks: number } {
  if (channels % groups !== 0 || outputs % groups !== 0) {
    throw new UsageError(`${groups} groups do not divide ${channels} input and ${outputs} output channels.`, {
      details: { channels, outputs, groups },
    });
  }
  const each = outputs / groups;
  const tile = Math.ceil(each / 16) * 16 > 1.5 * Math.ceil(each / 4) * 4 ? 4 : 16;
  return { tile, blocks: Math.ceil(each / tile) };
}

/** Whether each output along an axis reads one place, and none of them in the padding. */
const isPoint = ({ input, output, kernel, stride, pad }: Axis): boolean =>
  kernel === 1 && pad === 0 && (output - 1) * stride < input;

/** The loop that serves a shape: 1 and 3 as in the shader, 0 for any. */
function slideOf({ a, b, c }: Record<AxisName, Axis>): number {
  if ([a, b, c].every(isPoint)) return 1;
  return a.kernel === 3 && a.stride === 1 && a.dilation === 1 ? 3 : 0;
}

export interface ConvOptions {
  /** Whether the third buffer is read; else it may be any 4 bytes. */
  readonly bias?: boolean;
  readonly activation?: Activation;
  /** What the choice of a variant looks at; without one, the variant is one for any device. */
  readonly target?: Pick<DeviceProfile, "features" | "adapterClass">;
}

/**
 * Buffers: x, f32 [batch, channels, input]; weights, as packConvWeightsCall of the same shape writes them; bias,
 * f32 [outputs]; y, f32 [batch, outputs, output]. The call's `variant` depends on the shape.
 *
 * @example convCall({ batch: 1, channels: 3, outputs: 64, groups: 1, input: [224, 224], kernel: [7, 7], strides: [2, 2],
 *   dilations: [1, 1], padsBegin: [3, 3], output: [112, 112] }, { bias: true, activation: { kind: "relu" } })
 * @throws UsageError for sizes that do not fit together; UnsupportedError for more than 3 dimensions or 2^31 words
 */
export function convCall(
  shape: ConvShape,
  { bias = false, activation = noActivation, target }: ConvOptions = {},
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { batch, channels, outputs, groups } = shape;
  const { tile, blocks } = convTile(shape);
  const axes = windowAxes(shape, outputs);
  const { a, b, c } = axes;
  const items = b.output * c.output * Math.ceil(a.output / along);
  const { wg, slide } = { wg: workgroupFor(items), slide: slideOf(axes), ...overrides };
  // Hardware loads what all lanes share once by itself.
  const shares = target?.adapterClass !== "hardware" && target?.features.includes("subgroups") === true;
  const taps = a.kernel * b.kernel * c.kernel;
  const results = batch * outputs * a.output * b.output * c.output;
  return {
    kernel: convSpec.id,
    variant: tile === 4 ? "narrow" : shares ? "subgroups" : "portable",
    overrides: { wg, slide },
    params: {
      batch,
      groups,
      inputs: channels / groups,
      outputs: outputs / groups,
      blocks,
      items,
      ...axisParams(axes),
      has_bias: bias ? 1 : 0,
      act: activationNumber(activation.kind),
      act_a: activation.a ?? 0,
      act_b: activation.b ?? 0,
    },
    workgroups: batch * groups * blocks * Math.ceil(items / wg),
    cost: {
      bytes: 4 * (results + batch * channels * a.input * b.input * c.input + (outputs * channels * taps) / groups),
      ops: (2 * results * taps * channels) / groups,
    },
  };
}
