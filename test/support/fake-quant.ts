// What tests of simulated quantization share: small graphs, runs of them, and distances in quantization steps.
import { expect } from "vitest";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { Executor, type ExecutorOptions, type GraphOutput } from "../../src/execute/executor.ts";
import type { OnnxModel } from "../../src/formats/onnx/ir.ts";
import type { Backend } from "../../src/run/backend.ts";
import { floatInput, op, randomTensor, smallModel } from "./onnx-models.ts";

/** Runs a model once. */
export async function runGraph(
  model: OnnxModel,
  inputs: readonly InputTensor[],
  backend: Backend,
  options: ExecutorOptions,
): Promise<Readonly<Record<string, GraphOutput>>> {
  using executor = await Executor.create(model, backend, options);
  return await executor.run(Object.fromEntries(inputs.map(({ name, dims, data }) => [name, { dims, data }])));
}

export interface Steps {
  /** Largest distance in quantization steps. */
  readonly most: number;
  /** Share of elements that are the same but for rounding of f32. */
  readonly same: number;
}

/** What f32 rounds off, in steps of 16 bits. */
export const roundingSteps = 0.01;

/** How far apart two simulated tensors are, each element by the step of its group. */
export function inSteps(a: ArrayLike<number>, b: ArrayLike<number>, stepOf: (i: number) => number): Steps {
  expect(a.length).toBe(b.length);
  let [most, same] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const steps = Math.abs((a[i] ?? 0) - (b[i] ?? 0)) / stepOf(i);
    most = Math.max(most, Number.isNaN(steps) ? Number.POSITIVE_INFINITY : steps);
    if (steps < roundingSteps) same++;
  }
  return { most, same: same / Math.max(1, a.length) };
}

export const cnn: OnnxModel = smallModel({
  opset: 13,
  nodes: [
    op("Conv", ["x", "w0", "b0"], ["h0"], { pads: [1n, 1n, 1n, 1n], kernel_shape: [3n, 3n] }),
    op("Relu", ["h0"], ["h1"]),
    op("Conv", ["h1", "w1"], ["h2"], { group: 2n, kernel_shape: [3n, 3n], strides: [2n, 2n] }),
    op("Flatten", ["h2"], ["h3"]),
    op("Gemm", ["h3", "w2", "b2"], ["y"], { transB: 1n }),
  ],
  inputs: [["x", [2, 6, 9, 9]]],
  outputs: [["y", undefined]],
  initializers: [
    randomTensor("w0", [16, 6, 3, 3], 0.2),
    randomTensor("b0", [16]),
    randomTensor("w1", [12, 8, 3, 3], 0.2),
    randomTensor("w2", [20, 192], 0.1),
    randomTensor("b2", [20]),
  ],
});
export const picture = floatInput("x", [2, 6, 9, 9]);

export const transformer: OnnxModel = smallModel({
  opset: 21,
  nodes: [
    op("MatMul", ["x", "wq"], ["q"]),
    op("MatMul", ["x", "wk"], ["k"]),
    op("MatMul", ["x", "wv"], ["v"]),
    op("Transpose", ["k"], ["kt"], { perm: [0n, 2n, 1n] }),
    op("MatMul", ["q", "kt"], ["scores"]),
    op("Softmax", ["scores"], ["p"], { axis: -1n }),
    op("MatMul", ["p", "v"], ["mixed"]),
    op("MatMul", ["mixed", "wo"], ["o"]),
    op("Add", ["x", "o"], ["y"]),
  ],
  inputs: [["x", [2, 7, 64]]],
  outputs: [["y", undefined]],
  initializers: ["wq", "wk", "wv", "wo"].map((name) => randomTensor(name, [64, 64], 0.1)),
});
export const tokens = floatInput("x", [2, 7, 64]);

export const recurrent: OnnxModel = smallModel({
  opset: 17,
  nodes: [op("LSTM", ["x", "w", "r", "b"], ["y"], { hidden_size: 24n, direction: "bidirectional" })],
  inputs: [["x", [6, 2, 32]]],
  outputs: [["y", undefined]],
  initializers: [randomTensor("w", [2, 96, 32], 0.2), randomTensor("r", [2, 96, 24], 0.2), randomTensor("b", [2, 192])],
});
export const sequence = floatInput("x", [6, 2, 32]);
