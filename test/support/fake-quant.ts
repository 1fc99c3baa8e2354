// What tests of simulated quantization share: runs of graphs, and distances in quantization steps.
import { expect } from "vitest";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { Executor, type ExecutorOptions, type GraphOutput } from "../../src/execute/executor.ts";
import type { OnnxModel } from "../../src/formats/onnx/ir.ts";
import type { Backend } from "../../src/run/backend.ts";

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
