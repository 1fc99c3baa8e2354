// The executor beside onnxruntime's CPU provider: the same model, the same inputs, the largest difference.
import { Executor, type GraphInput } from "../../src/execute/executor.ts";
import type { InputTensor, OutputTensor } from "../../src/evaluate/tensors.ts";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import { fromFile } from "../../src/node-files.ts";
import type { Backend } from "../../src/run/backend.ts";
import { runOracle } from "./ort.ts";

export interface OutputParity {
  readonly name: string;
  readonly dims: readonly number[];
  /** Largest difference over the oracle's largest magnitude; infinite where shapes or NaN differ. */
  readonly error: number;
}

const asGraphInputs = (inputs: readonly InputTensor[]): Record<string, GraphInput> =>
  Object.fromEntries(inputs.map(({ name, dims, data }) => [name, { dims, data }]));

/** Runs a model, by path or bytes, on both. */
export async function compareForward(
  model: string | Uint8Array,
  inputs: readonly InputTensor[],
  backend: Backend,
): Promise<readonly OutputParity[]> {
  return await compareWith(await runOracle(model, inputs), model, inputs, backend);
}

/** Runs a model on the executor, and holds it to outputs that are known. */
export async function compareWith(
  expected: readonly OutputTensor[],
  model: string | Uint8Array,
  inputs: readonly InputTensor[],
  backend: Backend,
): Promise<readonly OutputParity[]> {
  const source = typeof model === "string" ? await fromFile(model) : fromBytes("model.onnx", model);
  try {
    using executor = await Executor.create(await readOnnx(source), backend);
    const got = await executor.run(asGraphInputs(inputs));
    return expected.map(({ name, dims, data }) => {
      const own = got[name];
      if (!own || own.dims.join() !== dims.join()) return { name, dims, error: Number.POSITIVE_INFINITY };
      let [most, worst] = [0, 0];
      for (const [i, value] of data.entries()) {
        const difference = Object.is(value, own.data[i]) ? 0 : Math.abs(value - (own.data[i] ?? Number.NaN));
        most = Math.max(most, Math.abs(value));
        worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
      }
      return { name, dims, error: worst / (most || 1) };
    });
  } finally {
    await source.close?.();
  }
}
