// Every model of the test data runs in every runtime that later judges our output, with the same answers.
// Also holds the fixtures to the reference figures that came with them.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compareOutputs } from "../../src/evaluate/compare.ts";
import type { OutputTensor } from "../../src/evaluate/tensors.ts";
import { dataModel, dataModelInputs, dataModels, type DataModel } from "../support/data-models.ts";
import { runOracle, type OrtRuntime } from "../support/ort.ts";

describe.each(dataModels)("$id", (model) => {
  test("CPU and WebAssembly agree", async () => {
    await expectSame(model, "wasm");
  });

  test("the inputs follow the seed", () => {
    expect(dataModelInputs(model, 3)).toEqual(dataModelInputs(model, 3));
    expect(dataModelInputs(model, 3)[0]?.data).not.toEqual(dataModelInputs(model, 4)[0]?.data);
  });
});

// Not the others: onnxruntime compiles some hundred shaders for each, a minute's work on a software adapter.
test.each(["fashion-cnn", "tiny-llama"] as const)("CPU and WebGPU agree on %s", { timeout: 300_000 }, async (id) => {
  await expectSame(dataModel(id), "webgpu");
});

async function expectSame(model: DataModel, runtime: OrtRuntime): Promise<void> {
  const inputs = dataModelInputs(model);
  const cpu = await runOracle(model.path, inputs);
  expect(cpu.map((output) => output.name)).toContain(model.output);
  const { outputs, warnings } = compareOutputs(cpu, await runOracle(model.path, inputs, runtime));
  expect(warnings).toEqual([]);
  for (const output of outputs) {
    expect(output.cosine, output.name).toBeGreaterThan(0.99999);
    expect(output.maxRelativeError, output.name).toBeLessThan(2e-3);
  }
}

describe("fixtures against their references", () => {
  const folder = join(import.meta.dirname, "../fixtures/models");

  test("tiny-llama predicts its reference text with the reference loss", async () => {
    const reference: LlamaReference = JSON.parse(await readFile(join(folder, "tiny-llama/reference.json"), "utf8"));
    const tokens = reference.tokens.slice(0, 256);
    const [logits] = await runOracle(join(folder, "tiny-llama/model.onnx"), [
      { name: "input_ids", dtype: "i64", dims: [1, 256], data: Float64Array.from(tokens) },
    ]);
    const ours = tokens.map((_, index) => lossAt(logits, index, reference.tokens[index + 1] ?? 0));
    expect(reference.nll_nats).toHaveLength(256);
    for (const [index, loss] of reference.nll_nats.entries()) expect(ours[index]).toBeCloseTo(loss, 3);
  });

  test("tiny-llama's text is the one that its reference was taken from", async () => {
    const text = await readFile(join(folder, "tiny-llama/eval.txt"));
    const reference: LlamaReference = JSON.parse(await readFile(join(folder, "tiny-llama/reference.json"), "utf8"));
    const { tokens, offset_bytes: offset } = reference;
    expect(Array.from(text.subarray(offset, offset + tokens.length), (byte) => byte + 3)).toEqual(tokens);
  });
});

interface LlamaReference {
  readonly tokens: readonly number[];
  readonly nll_nats: readonly number[];
  readonly offset_bytes: number;
}

/** Cross-entropy in nats of the token after `position`. */
function lossAt(logits: OutputTensor | undefined, position: number, next: number): number {
  const classes = logits?.dims.at(-1) ?? 0;
  const row = Array.from(logits?.data.subarray(position * classes, (position + 1) * classes) ?? []);
  const largest = Math.max(...row);
  return Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0)) + largest - (row[next] ?? 0);
}
