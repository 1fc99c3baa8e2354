// Cases of nn/conv-transpose: 1 to 3 dimensions, groups, strides, dilations, padding, output padding.
import { convTransposeReference } from "../../../src/kernels/nn/conv-transpose.ref.ts";
import { convTransposeCall, convTransposeOutput, convTransposeSpec } from "../../../src/kernels/nn/conv-transpose.ts";
import type { ConvOptions } from "../../../src/kernels/nn/conv.ts";
import type { ConvShape } from "../../../src/kernels/nn/conv-shape.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { convShape, numbers, sizeOf } from "./window-fixtures.ts";

type Given = Parameters<typeof convShape>[2];

function shapeOf(input: number[], kernel: number[], given: Given, outputPadding: number[] = []): ConvShape {
  const shape = convShape(input, kernel, given);
  return { ...shape, output: convTransposeOutput(shape, given?.padsEnd ?? shape.padsBegin, outputPadding) };
}

function caseOf(name: string, shape: ConvShape, options: ConvOptions = {}): KernelCase {
  const { batch, channels, outputs, groups, input, kernel, output } = shape;
  const weights = ((channels * outputs) / groups) * sizeOf(kernel);
  return {
    name,
    call: convTransposeCall(shape, options),
    buffers: [
      bytesOf(numbers(batch * channels * sizeOf(input), 3)),
      bytesOf(numbers(weights, 5, 1 / Math.sqrt(channels / groups))),
      options.bias === true ? bytesOf(numbers(outputs, 7)) : new Uint8Array(4),
      4 * batch * outputs * sizeOf(output),
    ],
  };
}

export const room: KernelRoom = {
  spec: convTransposeSpec,
  reference: convTransposeReference,
  cases: [
    caseOf("one word", shapeOf([1], [1], {})),
    caseOf("1-D, stride 3", shapeOf([11], [5], { channels: 3, outputs: 5, strides: [3], padsBegin: [2] }), {
      bias: true,
    }),
    caseOf("2 x 2, stride 2", shapeOf([5, 9], [2, 2], { batch: 2, channels: 4, outputs: 6, strides: [2, 2] })),
    caseOf(
      "output padding",
      shapeOf([6, 5], [3, 3], { channels: 2, outputs: 3, strides: [2, 2], padsBegin: [1, 1] }, [1, 1]),
      { bias: true, activation: { kind: "relu" } },
    ),
    caseOf("groups", shapeOf([4, 4], [3, 2], { channels: 6, outputs: 9, groups: 3, padsBegin: [0, 1] })),
    caseOf("dilated", shapeOf([7, 4], [3, 3], { channels: 2, outputs: 2, strides: [2, 1], dilations: [2, 3] })),
    caseOf("3-D", shapeOf([3, 2, 4], [2, 3, 2], { channels: 2, outputs: 5, strides: [1, 2, 2], padsBegin: [0, 1, 1] })),
  ],
};
