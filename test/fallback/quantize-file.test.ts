// Whole files through gpu.js: the same output as on the CPU reference, whatever the format.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import { openGpuJsBackend } from "../../src/fallback/gpu-js-backend.ts";
import { openNodeBackend, quantizeFile } from "../../src/node-quantize.ts";
import { dataModel } from "../support/data-models.ts";

const cnn = dataModel("fashion-cnn").path;
const llama = dataModel("tiny-llama").path;
/** Searches run on the plain references here, at a few microseconds an element. */
const absmax = { kind: "absmax" } as const;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wgslim-fallback-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (input: string, adapter: "gpu.js" | "cpu", recipe: QuantizeRecipe, memoryBudget?: number) =>
  quantizeFile(input, join(folder, "out.onnx"), {
    ...recipe,
    force: true,
    backend: () => openNodeBackend({ adapter, ...(memoryBudget === undefined ? {} : { memoryBudget }) }),
  });

describe("quantizeFile on gpu.js", () => {
  it.each<[string, string, QuantizeRecipe]>([
    ["int8", cnn, { format: "int8" }],
    ["uint8", cnn, { format: "uint8" }],
    ["int4", cnn, { format: "int4" }],
    ["uint4", cnn, { format: "uint4" }],
    ["int4 by mse search", cnn, { format: "int4", formatOptions: { search: { kind: "mse" } } }],
    ["fp16", cnn, { format: "fp16" }],
    ["int8 per tensor", llama, { format: "int8", formatOptions: { granularity: "tensor" } }],
    ["int4 in blocks of 128", llama, { format: "int4", formatOptions: { blockSize: 128, search: absmax } }],
    ["uint2", llama, { format: "uint2", formatOptions: { search: absmax } }],
    ["nf4", llama, { format: "nf4" }],
    ["dynamic-int8", llama, { format: "dynamic-int8" }],
  ])("writes the bytes of the CPU reference: %s", async (_name, input, recipe) => {
    const ours = await run(input, "gpu.js", recipe);
    const theirs = await run(input, "cpu", recipe);
    expect(ours.output.sha256).toBe(theirs.output.sha256);
    expect(ours.adapter).toContain("gpu.js on WebAssembly");
    expect(ours.tensors.length).toBeGreaterThan(0);
    for (const [index, tensor] of ours.tensors.entries()) {
      expect(tensor.sqnrDb).toBeCloseTo(theirs.tensors[index]?.sqnrDb ?? NaN, 3);
    }
  });

  it("writes them under a small memory budget too", async () => {
    const recipe: QuantizeRecipe = { format: "int4", formatOptions: { search: absmax } };
    const free = await run(llama, "gpu.js", recipe);
    const tight = await run(llama, "gpu.js", recipe, 2 ** 20);
    expect(tight.output.sha256).toBe(free.output.sha256);
    expect(tight.plan.peakDeviceBytes).toBeLessThanOrEqual(2 ** 20);
  });

  it("warns of kernels that gpu.js lacks, and of no others", async () => {
    const warnings: string[] = [];
    const backend = await openGpuJsBackend({ onWarning: (text) => warnings.push(text) });
    const opened = async () => ({ backend, dispose: () => undefined });
    await quantizeFile(cnn, join(folder, "int8.onnx"), { format: "int8", backend: opened });
    expect(warnings).toEqual([]);
    await quantizeFile(llama, join(folder, "nf4.onnx"), { format: "nf4", backend: opened });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("quantize/table-block");
    await backend.dispose();
  });
});
