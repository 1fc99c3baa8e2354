// Attributes of convolutions and pools as the kernels take them: kernel sizes, strides, dilations and pads, given or
// found by auto_pad.
import { convOutput, type WindowShape } from "../../kernels/nn/conv-shape.ts";
import type { NodeContext } from "../node-context.ts";

export interface Window {
  readonly shape: WindowShape;
  readonly padsEnd: readonly number[];
}

const ones = (rank: number): number[] => Array.from<number>({ length: rank }).fill(1);

/**
 * The window of a node over x of `dims` [batch, channels, spatial …]; `kernel` where the node does not say it.
 * With ceil_mode the output is rounded up, but no window may start in the padding behind the input.
 */
export function windowOf(ctx: NodeContext, dims: readonly number[], kernelSize?: readonly number[]): Window {
  const [batch = 1, channels = 1, ...input] = dims;
  const rank = input.length;
  const kernel = ctx.ints("kernel_shape") ?? kernelSize ?? ones(rank);
  const strides = ctx.ints("strides") ?? ones(rank);
  const dilations = ctx.ints("dilations") ?? ones(rank);
  if ([kernel, strides, dilations].some((list) => list.length !== rank) || rank === 0) {
    throw ctx.mismatch(`a window of ${kernel.length} dims can't move over [${dims.join()}].`);
  }
  const extent = (i: number): number => ((kernel[i] ?? 1) - 1) * (dilations[i] ?? 1) + 1;
  const auto = ctx.text("auto_pad") ?? "NOTSET";
  let [padsBegin, padsEnd] = [input.map(() => 0), input.map(() => 0)];
  if (auto === "NOTSET") {
    const pads = ctx.ints("pads") ?? [...padsBegin, ...padsEnd];
    [padsBegin, padsEnd] = [pads.slice(0, rank), pads.slice(rank)];
  } else if (auto !== "VALID") {
    for (const [i, size] of input.entries()) {
      const stride = strides[i] ?? 1;
      const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent(i) - size);
      const less = Math.floor(total / 2);
      padsBegin[i] = auto === "SAME_UPPER" ? less : total - less;
      padsEnd[i] = total - (padsBegin[i] ?? 0);
    }
  }
  const base = { input, kernel, strides, dilations, padsBegin };
  let output = convOutput(base, padsEnd);
  if (ctx.int("ceil_mode", 0) === 1) {
    output = input.map((size, i) => {
      const [stride, before] = [strides[i] ?? 1, padsBegin[i] ?? 0];
      const up = Math.ceil((size + before + (padsEnd[i] ?? 0) - extent(i)) / stride) + 1;
      return (up - 1) * stride >= size + before ? up - 1 : up;
    });
  }
  if (output.some((size) => size < 1))
    throw ctx.mismatch(`a window of ${kernel.join(" x ")} is larger than [${dims.join()}].`);
  return { shape: { batch, channels, ...base, output }, padsEnd };
}

/**
 * The window of a transposed convolution of x [batch, channels, spatial …] with weights [channels, outputs per group,
 * kernel …]; pads follow from a wanted output shape where the node has one.
 */
export function transposedWindowOf(ctx: NodeContext, dims: readonly number[], weights: readonly number[]): WindowShape {
  const [batch = 1, channels = 1, ...input] = dims;
  const rank = input.length;
  const kernel = ctx.ints("kernel_shape") ?? weights.slice(2);
  const strides = ctx.ints("strides") ?? ones(rank);
  const dilations = ctx.ints("dilations") ?? ones(rank);
  const extra = ctx.ints("output_padding") ?? input.map(() => 0);
  const auto = ctx.text("auto_pad") ?? "NOTSET";
  const same = auto.startsWith("SAME") ? input.map((size, i) => size * (strides[i] ?? 1)) : undefined;
  const wanted = ctx.ints("output_shape")?.slice(-rank) ?? same;
  const pads = ctx.ints("pads") ?? [];
  const [padsBegin, output]: number[][] = [[], []];
  for (const [i, size] of input.entries()) {
    const full = (strides[i] ?? 1) * (size - 1) + (extra[i] ?? 0) + ((kernel[i] ?? 1) - 1) * (dilations[i] ?? 1) + 1;
    const total = Math.max(0, full - (wanted?.[i] ?? full));
    const less = Math.floor(total / 2);
    const before = wanted ? (auto === "SAME_UPPER" ? less : total - less) : (pads[i] ?? 0);
    padsBegin?.push(before);
    output?.push(wanted?.[i] ?? full - before - (pads[i + rank] ?? 0));
  }
  if (output?.some((size) => size < 1)) throw ctx.mismatch(`pads of ${pads.join()} leave nothing of [${dims.join()}].`);
  return { batch, channels, input, kernel, strides, dilations, padsBegin: padsBegin ?? [], output: output ?? [] };
}
