// Shapes of moving windows, and the convolution written once more, straight from ONNX's definition over the
// model's own layouts, so that packing and axes are judged too.
import type { ConvShape } from "../../../src/kernels/nn/conv-shape.ts";
import { convOutput } from "../../../src/kernels/nn/conv-shape.ts";
import { uniform } from "../quantize/float-fixtures.ts";

interface Given {
  readonly batch?: number;
  readonly channels?: number;
  readonly outputs?: number;
  readonly groups?: number;
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  readonly padsBegin?: readonly number[];
  readonly padsEnd?: readonly number[];
}

/** A convolution's shape with what is not given set to the plainest. */
export function convShape(input: readonly number[], kernel: readonly number[], given: Given = {}): ConvShape {
  const ones = input.map(() => 1);
  const zeros = input.map(() => 0);
  const { padsBegin = zeros, padsEnd = padsBegin, strides = ones, dilations = ones, channels = 1 } = given;
  const { batch = 1, outputs = channels, groups = 1 } = given;
  const window = { batch, channels, input, kernel, strides, dilations, padsBegin };
  return { ...window, outputs, groups, output: convOutput(window, padsEnd) };
}

/** Numbers between -scale and scale. */
export function numbers(count: number, seed: number, scale = 1): Float32Array {
  const next = uniform(seed);
  return Float32Array.from({ length: count }, () => (next() * 2 - 1) * scale);
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** Every index of an array of these sizes, in row-major order. */
export function* indices(sizes: readonly number[]): Generator<number[]> {
  for (let flat = 0; flat < product(sizes); flat++) {
    let rest = flat;
    const at = sizes.toReversed().map((size) => {
      const index = rest % size;
      rest = Math.floor(rest / size);
      return index;
    });
    yield at.toReversed();
  }
}

const flatten = (at: readonly number[], sizes: readonly number[]): number =>
  at.reduce((flat, index, i) => flat * (sizes[i] ?? 1) + index, 0);

/** Where a tap of the kernel reads for an output place; undefined in the padding. */
export function tapPlace(shape: ConvShape, place: readonly number[], tap: readonly number[]): number | undefined {
  const at = place.map(
    (p, i) => p * (shape.strides[i] ?? 1) + (tap[i] ?? 0) * (shape.dilations[i] ?? 1) - (shape.padsBegin[i] ?? 0),
  );
  return at.every((index, i) => index >= 0 && index < (shape.input[i] ?? 0)) ? flatten(at, shape.input) : undefined;
}

/** y of a convolution over plain layouts. */
export function plainConv(shape: ConvShape, x: Float32Array, w: Float32Array, bias: Float32Array): Float64Array {
  const { batch, channels, outputs, groups, input, output, kernel } = shape;
  const [inputs, each, taps] = [channels / groups, outputs / groups, [...indices(kernel)]];
  const y = new Float64Array(batch * outputs * product(output));
  let to = 0;
  for (let n = 0; n < batch; n++) {
    for (let channel = 0; channel < outputs; channel++) {
      for (const place of indices(output)) {
        let sum = bias[channel] ?? 0;
        for (const [t, tap] of taps.entries()) {
          const at = tapPlace(shape, place, tap);
          if (at === undefined) continue;
          for (let i = 0; i < inputs; i++) {
            const plane = n * channels + Math.floor(channel / each) * inputs + i;
            sum += (w[(channel * inputs + i) * taps.length + t] ?? 0) * (x[plane * product(input) + at] ?? 0);
          }
        }
        y[to++] = sum;
      }
    }
  }
  return y;
}

const shapes: readonly (readonly [string, ConvShape])[] = [
  ["one word", convShape([1], [1])],
  ["1-D", convShape([50], [3], { channels: 5, outputs: 20, padsBegin: [1] })],
  ["1-D, dilated and strided", convShape([70], [4], { channels: 3, outputs: 3, strides: [2], dilations: [3] })],
  ["1 x 1", convShape([7, 9], [1, 1], { batch: 2, channels: 6, outputs: 33 })],
  ["3 x 3 same", convShape([14, 14], [3, 3], { channels: 4, outputs: 16, padsBegin: [1, 1] })],
  ["3 x 3, wide and flat", convShape([3, 40], [3, 3], { channels: 2, outputs: 24, padsBegin: [1, 1] })],
  [
    "7 x 7 stride 2, one side padded more",
    convShape([21, 18], [7, 7], { channels: 3, outputs: 10, strides: [2, 2], padsBegin: [3, 2], padsEnd: [2, 4] }),
  ],
  ["kernel larger than the input", convShape([2, 2], [5, 5], { channels: 2, outputs: 4, padsBegin: [3, 3] })],
  ["dilated", convShape([17, 13], [3, 2], { channels: 2, outputs: 5, dilations: [4, 3], padsBegin: [4, 1] })],
  ["groups", convShape([9, 10], [3, 3], { batch: 2, channels: 6, outputs: 12, groups: 3, padsBegin: [1, 0] })],
  ["stride along one axis", convShape([16, 9], [3, 3], { channels: 1, outputs: 17, strides: [1, 3] })],
  ["3-D", convShape([4, 5, 6], [2, 3, 3], { channels: 2, outputs: 7, strides: [1, 2, 1], padsBegin: [1, 0, 1] })],
];

/** Shapes that every kind of convolution should meet, by name. */
export const convShapes: ReadonlyMap<string, ConvShape> = new Map(shapes);

/** Input, weights and bias of a shape; sums come out near 1. */
export function convData(shape: ConvShape): { x: Float32Array; w: Float32Array; bias: Float32Array } {
  const inputs = (shape.channels / shape.groups) * product(shape.kernel);
  return {
    x: numbers(shape.batch * shape.channels * product(shape.input), 3),
    w: numbers(shape.outputs * inputs, 5, 1.5 / Math.sqrt(inputs)),
    bias: numbers(shape.outputs, 7),
  };
}

export const sizeOf = product;
