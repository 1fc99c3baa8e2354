// What convolutional networks are made of: convolutions, batch norms (as nodes of their own or folded into the
// convolution before), pools, squeeze-and-excitation, the classifying head.
// A batch norm's running statistics are those that its input will have, as far as they are known, and some noise.
import { elementCount } from "../../src/base/dtypes.ts";
import type { PlainAttributes } from "../support/onnx-models.ts";
import { relu, type Activation } from "./activations.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";
import { lazy, type Moments } from "./moments.ts";
import { list, multiply, reduceMean, renamed, sampled, sampleOf, valueOf } from "./operators.ts";
import { affine, doubleByWeights, flattened, momentsOf, pool, poolAll, type Pooling } from "./sample.ts";
import { divisorOf, drawBias, drawConvolution, drawKernels, drawMatrix, drawRows, type Drawn } from "./weights.ts";

export interface ConvOptions {
  readonly name: string;
  readonly out: number;
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number;
  /** Default: keeps the size at stride 1. */
  readonly padding?: number;
  readonly dilation?: number;
  readonly groups?: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Standard deviation of the output. Default 1. */
  readonly gain?: number;
  /** Of space: 1 for sound. Default 2. */
  readonly rank?: 1 | 2;
}

interface Kernel {
  readonly dims: readonly number[];
  readonly drawn: () => Drawn;
  readonly attributes: PlainAttributes;
}

/** In the convolution's own scope. */
function kernelOf(b: GraphBuilder, x: Value, options: ConvOptions): Kernel {
  const { out, kernel, stride = 1, dilation = 1, groups = 1, gain = 1, rank = 2 } = options;
  const padding = options.padding ?? ((kernel - 1) / 2) * dilation;
  const space = (value: number): bigint[] => Array.from({ length: rank }, () => BigInt(value));
  const dims = [out, x.width / groups, ...space(kernel).map(Number)];
  const random = b.random("weight");
  const drawn = lazy(() => {
    const geometry = { kernel, stride, padding, dilation, groups };
    if (x.sample) return drawConvolution(random, x.sample(), out, geometry, gain);
    return drawKernels(random, x, out, { inner: elementCount(dims.slice(1)), groups, gain });
  });
  const attributes = {
    dilations: space(dilation),
    group: BigInt(groups),
    kernel_shape: space(kernel),
    pads: [...space(padding), ...space(padding)],
    strides: space(stride),
  };
  return { dims, drawn, attributes };
}

/** The value of this name that comes of weights, and of a bias after them. */
function product(name: string, x: Value, out: number, drawn: () => Drawn, shift?: () => Drawn): Value {
  if (!x.sample)
    return valueOf(
      name,
      out,
      lazy(() => (shift ?? drawn)().moments),
    );
  return sampled(name, out, () => {
    const { sample } = drawn();
    if (!sample) throw new Error(`"${name}" is made without a sample.`);
    if (!shift) return sample;
    const { values } = shift();
    return affine(
      sample,
      () => 1,
      (channel) => values[channel] ?? 0,
    );
  });
}

/** A convolution. Its bias takes off what the input's means add to every channel. */
export function conv(b: GraphBuilder, x: Value, options: ConvOptions): Value {
  const { name, out, bias = true, gain = 1 } = options;
  return b.scope(name, () => {
    const { dims, drawn, attributes } = kernelOf(b, x, options);
    const inputs = [x, b.parameter("weight", dims, () => drawn().values)];
    if (!bias) return product(b.node("Conv", inputs, attributes), x, out, drawn);
    const shift = drawBias(b.random("bias"), drawn, gain);
    const shifts = b.parameter("bias", [out], () => shift().values);
    return product(b.node("Conv", [...inputs, shifts], attributes), x, out, drawn, shift);
  });
}

/** A transposed convolution of stride and kernel 2, which doubles the size. */
export function upConv(b: GraphBuilder, x: Value, { name, out }: { name: string; out: number }): Value {
  return b.scope(name, () => {
    const random = b.random("weight");
    const drawn = lazy((): Drawn => {
      const rows = drawRows(random, x.width, 4 * out, 1);
      const raw = doubleByWeights(sampleOf(x), rows, out);
      const factor = 1 / divisorOf(momentsOf(raw), raw.height * raw.width);
      const values = rows.map((value) => value * factor);
      const sample = doubleByWeights(sampleOf(x), values, out);
      return { values, sample, moments: momentsOf(sample) };
    });
    const shift = drawBias(b.random("bias"), drawn, 1);
    const weight = b.parameter("weight", [x.width, out, 2, 2], () => drawn().values);
    const bias = b.parameter("bias", [out], () => shift().values);
    const square = {
      dilations: [1n, 1n],
      group: 1n,
      kernel_shape: [2n, 2n],
      pads: [0n, 0n, 0n, 0n],
      strides: [2n, 2n],
    };
    return product(b.node("ConvTranspose", [x, weight, bias], square), x, out, drawn, shift);
  });
}

export interface NormOptions {
  readonly name: string;
  /** Default 1e-5. */
  readonly epsilon?: number;
  /** About what its scales are. Default 1. */
  readonly gain?: number;
}

interface Norm {
  readonly scale: Float32Array;
  readonly bias: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/** In the norm's own scope. */
function drawNorm(b: GraphBuilder, width: number, moments: () => Moments, gain: number): () => Norm {
  const [scales, biases, means, variances] = [
    b.random("weight"),
    b.random("bias"),
    b.random("running_mean"),
    b.random("running_var"),
  ] as const;
  return lazy(() => {
    const before = moments();
    return {
      scale: scales.normals(width, gain, 0.15 * gain),
      bias: biases.normals(width, 0, 0.15 * gain),
      mean: Float32Array.from(before.mean, (m, at) => means.normal(m, 0.05 * Math.sqrt(before.variance[at] ?? 1))),
      variance: Float32Array.from(before.variance, (v) => v * Math.exp(variances.normal(0, 0.1))),
    };
  });
}

/** Factor and shift of a channel. */
function affineOf({ scale, bias, mean, variance }: Norm, epsilon: number) {
  const factor = (at: number): number => (scale[at] ?? 1) / Math.sqrt((variance[at] ?? 1) + epsilon);
  return { factor, shift: (at: number): number => (bias[at] ?? 0) - (mean[at] ?? 0) * factor(at) };
}

export function batchNorm(b: GraphBuilder, x: Value, { name, epsilon = 1e-5, gain = 1 }: NormOptions): Value {
  return b.scope(name, () => {
    const norm = drawNorm(b, x.width, x.moments, gain);
    const inputs = [
      b.parameter("weight", [x.width], () => norm().scale),
      b.parameter("bias", [x.width], () => norm().bias),
      b.buffer("running_mean", [x.width], () => norm().mean),
      b.buffer("running_var", [x.width], () => norm().variance),
    ];
    return sampled(b.node("BatchNormalization", [x, ...inputs], { epsilon, momentum: 0.9 }), x.width, () => {
      const { factor, shift } = affineOf(norm(), epsilon);
      return affine(sampleOf(x), factor, shift);
    });
  });
}

export interface ConvNormOptions extends ConvOptions {
  readonly norm: string;
  readonly epsilon?: number;
  /** Into the convolution, as exporters do in evaluation mode. The function is the same. */
  readonly fold: boolean;
}

/** A convolution, by default without bias, and its batch norm, whose gain is the given one. */
export function convNorm(b: GraphBuilder, x: Value, options: ConvNormOptions): Value {
  const { norm: name, epsilon = 1e-5, gain = 1, fold, bias = false, ...rest } = options;
  if (!fold) return batchNorm(b, conv(b, x, { ...rest, bias }), { name, epsilon, gain });
  return b.scope(rest.name, () => {
    const { dims, drawn, attributes } = kernelOf(b, x, rest);
    // The norm takes a bias off again, but it draws its mean around what the bias leaves.
    const between = bias ? drawBias(b.random("bias"), drawn, 1) : drawn;
    const norm = b.beside(name, () => drawNorm(b, rest.out, () => between().moments, gain));
    const folded = lazy(() => affineOf(norm(), epsilon));
    const shiftOf = (row: number): number =>
      folded().shift(row) + (bias ? (between().values[row] ?? 0) * folded().factor(row) : 0);
    const inner = elementCount(dims.slice(1));
    const scaled = (): Float32Array =>
      drawn().values.map((value, at) => value * folded().factor(Math.floor(at / inner)));
    const shifted = (): Float32Array => Float32Array.from({ length: rest.out }, (_, row) => shiftOf(row));
    const inputs = [x, b.parameter("weight", dims, scaled), b.parameter("bias", [rest.out], shifted)];
    const before = product("", x, rest.out, drawn);
    return sampled(b.node("Conv", inputs, attributes), rest.out, () =>
      affine(sampleOf(before), folded().factor, shiftOf),
    );
  });
}

export interface PoolOptions {
  readonly kernel: number;
  /** Default: the kernel. */
  readonly stride?: number;
  readonly padding?: number;
  /** Sizes are rounded up. Needs operator set 10. */
  readonly ceil?: boolean;
}

function poolAttributes(b: GraphBuilder, { kernel, stride = kernel, padding = 0, ceil = false }: PoolOptions) {
  if (ceil && b.opset < 10) throw new Error(`Pools of operator set ${b.opset} don't round up.`);
  return {
    kernel_shape: list([kernel, kernel]),
    pads: list([padding, padding, padding, padding]),
    strides: list([stride, stride]),
    ...(b.opset >= 10 && { ceil_mode: ceil ? 1n : 0n }),
  };
}

const poolingOf = ({ kernel, stride = kernel, padding = 0, ceil = false }: PoolOptions): Pooling => ({
  kernel,
  stride,
  padding,
  ceil,
});

export const maxPool = (b: GraphBuilder, x: Value, options: PoolOptions): Value =>
  sampled(b.node("MaxPool", [x], poolAttributes(b, options)), x.width, () =>
    pool(sampleOf(x), poolingOf(options), "max"),
  );

export const averagePool = (b: GraphBuilder, x: Value, options: PoolOptions): Value =>
  sampled(b.node("AveragePool", [x], poolAttributes(b, options)), x.width, () =>
    pool(sampleOf(x), poolingOf(options), "mean"),
  );

/** The mean over space, under this name. */
export const spaceless = (x: Value, name: string): Value =>
  x.sample
    ? sampled(name, x.width, () => poolAll(sampleOf(x)))
    : valueOf(
        name,
        x.width,
        lazy(() => alike(x.moments())),
      );

/** Of means over space, by estimate: the places of a map are alike in part. */
const alike = ({ mean, variance }: Moments): Moments => ({ mean, variance: variance.map((v) => 0.2 * v) });

export const globalPool = (b: GraphBuilder, x: Value): Value => spaceless(x, b.node("GlobalAveragePool", [x]));

/** Rows of all elements of a map of so many places. */
export function flatten(b: GraphBuilder, x: Value, places = 1): Value {
  const name = b.node("Flatten", [x], { axis: 1n });
  return x.sample || places > 1 ? sampled(name, x.width * places, () => flattened(sampleOf(x))) : renamed(x, name);
}

export interface LinearOptions {
  readonly name: string;
  readonly out: number;
  /** Default true. */
  readonly bias?: boolean;
  readonly gain?: number;
}

/** Gemm with transB, as nn.Linear of rows is exported. */
export function gemm(b: GraphBuilder, x: Value, { name, out, gain = 1 }: LinearOptions): Value {
  return b.scope(name, () => {
    const drawn = drawMatrix(b.random("weight"), x, out, gain);
    const shift = drawBias(b.random("bias"), drawn, gain);
    const weight = b.parameter("weight", [out, x.width], () => drawn().values);
    const bias = b.parameter("bias", [out], () => shift().values);
    return product(b.node("Gemm", [x, weight, bias], { alpha: 1, beta: 1, transB: 1n }), x, out, drawn, shift);
  });
}

/** Global pooling, rows, logits. */
export const poolingHead = (b: GraphBuilder, x: Value, name: string, classes: number): Value =>
  gemm(b, flatten(b, globalPool(b, x)), { name, out: classes, gain: 2 });

export interface ExcitationOptions {
  readonly name: string;
  /** Channels between. */
  readonly squeeze: number;
  readonly gate: Activation;
  /** Default ReLU. */
  readonly activation?: Activation;
  /** How the mean over space is written: GlobalAveragePool, or ReduceMean as timm has it. */
  readonly pooling?: "pool" | "mean";
}

/** Squeeze-and-excitation: every channel times a gate made from the means of all. */
export function excitation(b: GraphBuilder, x: Value, options: ExcitationOptions): Value {
  const { name, squeeze, gate, activation = relu, pooling = "pool" } = options;
  // Small: gates that go far for pictures unlike the sample make those still more unlike, block after block.
  const gain = 0.3;
  return b.scope(name, () => {
    const means = pooling === "pool" ? globalPool(b, x) : spaceless(x, reduceMean(b, x, [2, 3]));
    const small = activation(b, conv(b, means, { name: "fc1", out: squeeze, kernel: 1, gain }));
    const gates = gate(b, conv(b, small, { name: "fc2", out: x.width, kernel: 1, gain }));
    return multiply(b, x, gates);
  });
}

/** A number of channels scaled and rounded to a multiple of 8, never more than a tenth below. */
export function scaledChannels(channels: number, width = 1): number {
  const wanted = channels * width;
  const rounded = Math.max(8, Math.floor((wanted + 4) / 8) * 8);
  return rounded < 0.9 * wanted ? rounded + 8 : rounded;
}
