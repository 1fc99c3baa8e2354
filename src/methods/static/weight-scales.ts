// The 8-bit encoding of a product's weight: which axis holds its output channels, and each channel's scale and zero
// point as the device will find them.
//
// Beside unsigned activations weights are unsigned too, symmetric around 128: x86 without VNNI multiplies unsigned by
// signed bytes with sums that saturate at 16 bits, and onnxruntime's results are then wrong by tens of percent.
import { elementCount } from "../../base/dtypes.ts";
import { getInt } from "../../formats/onnx/attributes.ts";
import type { OnnxNode } from "../../formats/onnx/ir.ts";
import { affineScale, affineZeroPoint, lowestCode, type AffineRule } from "../../kernels/quantize/affine-rule.ts";
import type { AffineEncoding } from "../quantize/encoding.ts";
import type { ActivationType } from "./parameters.ts";

export interface WeightOptions {
  readonly perChannel: boolean;
  readonly symmetric: boolean;
}

/** The weight's codes that go with activations of a type. */
export const weightEncoding = (activation: ActivationType, symmetric: boolean): AffineEncoding => ({
  kind: "affine",
  bits: 8,
  signed: activation !== "uint8",
  scheme: symmetric ? "symmetric" : "asymmetric",
  rounding: "half-even",
});

/** The axis of output channels in a product's weight. */
export function channelAxis(node: OnnxNode): number {
  if (node.opType === "Conv") return 0;
  return node.opType === "Gemm" && getInt(node, "transB", 0) !== 0 ? 0 : 1;
}

export interface WeightShape {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** A weight as [outer, channels, inner]. */
export function weightShape(dims: readonly number[], axis: number, perChannel: boolean): WeightShape {
  if (!perChannel) return { outer: 1, channels: 1, inner: elementCount(dims) };
  return {
    outer: elementCount(dims.slice(0, axis)),
    channels: dims[axis] ?? 1,
    inner: elementCount(dims.slice(axis + 1)),
  };
}

export interface WeightScales {
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
}

const ruleOf = ({ signed, scheme, rounding }: AffineEncoding): AffineRule => ({
  bits: 8,
  signed,
  scheme,
  rounding,
  halfScales: false,
});

/** Scale and zero point of every channel. */
export function weightScales(values: Float32Array, shape: WeightShape, encoding: AffineEncoding): WeightScales {
  const { channels, inner } = shape;
  const [low, high] = [new Float32Array(channels), new Float32Array(channels)];
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / inner) % channels;
    const x = values[i] ?? 0;
    if (x < (low[channel] ?? 0)) low[channel] = x;
    else if (x > (high[channel] ?? 0)) high[channel] = x;
  }
  const rule = ruleOf(encoding);
  const scales = low.map((min, channel) => affineScale(min, high[channel] ?? 0, rule));
  const zeroPoints = Int32Array.from(low, (min, channel) => affineZeroPoint(min, scales[channel] ?? 1, rule));
  return { scales, zeroPoints };
}

/** What a weight's element becomes, less what it was: the error that the bias correction makes up for. */
export function roundingError(
  x: number,
  channel: number,
  { scales, zeroPoints }: WeightScales,
  encoding: AffineEncoding,
): number {
  const lowest = lowestCode(ruleOf(encoding));
  const [scale, zero] = [scales[channel] ?? 1, zeroPoints[channel] ?? 0];
  const code = Math.max(lowest, Math.min(lowest + 255, Math.round(x / scale) + zero));
  return (code - zero) * scale - x;
}
