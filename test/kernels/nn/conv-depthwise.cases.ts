// Cases of nn/conv-depthwise: one and more outputs a channel, both loops, 1 to 3 dimensions.
import { convDepthwiseReference } from "../../../src/kernels/nn/conv-depthwise.ref.ts";
import { convDepthwiseCall, convDepthwiseSpec } from "../../../src/kernels/nn/conv-depthwise.ts";
import type { ConvOptions } from "../../../src/kernels/nn/conv.ts";
import type { ConvShape } from "../../../src/kernels/nn/conv-shape.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { convData, convShape, sizeOf } from "./window-fixtures.ts";

/** Depthwise shapes by name. */
export const depthwiseShapes: ReadonlyMap<string, ConvShape> = new Map<string, ConvShape>([
  ["one word", convShape([1], [1])],
  ["3 x 3", convShape([9, 10], [3, 3], { batch: 2, channels: 5, groups: 5, padsBegin: [1, 1] })],
  [
    "5 x 5, stride 2, two outputs a channel",
    convShape([11, 13], [5, 5], {
      batch: 2,
      channels: 3,
      outputs: 6,
      groups: 3,
      strides: [2, 2],
      padsBegin: [2, 1],
      padsEnd: [1, 2],
    }),
  ],
  ["1-D", convShape([41], [7], { channels: 4, groups: 4, padsBegin: [3] })],
  ["dilated", convShape([12, 9], [3, 3], { channels: 2, groups: 2, dilations: [2, 3], padsBegin: [2, 3] })],
  ["3-D", convShape([4, 5, 6], [3, 3, 2], { channels: 2, groups: 2, padsBegin: [1, 1, 0] })],
]);

function caseOf(name: string, shape: ConvShape, options: ConvOptions = {}): KernelCase {
  const { x, w, bias } = convData(shape);
  return {
    name,
    call: convDepthwiseCall(shape, options),
    buffers: [
      bytesOf(x),
      bytesOf(w),
      options.bias === true ? bytesOf(bias) : new Uint8Array(4),
      4 * shape.batch * shape.outputs * sizeOf(shape.output),
    ],
  };
}

export const room: KernelRoom = {
  spec: convDepthwiseSpec,
  reference: convDepthwiseReference,
  cases: [...depthwiseShapes].flatMap(([name, shape]) => [
    caseOf(name, shape),
    caseOf(`${name}, with bias, then silu`, shape, { bias: true, activation: { kind: "silu" } }),
  ]),
};
