// What cannot be cut into chunks, such as a tensor under one scale, goes whole while it fits the budget; else a typed
// error says how much it needs.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeSyntheticModel } from "../../src/bench/synthetic-model.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { quantizeFile, type OpenBackend } from "../../src/node-quantize.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";

let folder = "";
let input = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wgslim-whole-"));
  input = join(folder, "model.onnx");
  // Matrices of 300 x 300 and 300 x 1200.
  await writeSyntheticModel(input, { bytes: 1_000_000, width: 300 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const backend = (memoryBudget?: number) => async (): Promise<OpenBackend> => ({
  backend: new CpuBackend(kernelReferences, memoryBudget === undefined ? {} : { memoryBudget }),
  dispose: () => undefined,
});
const recipe = { format: "int8", formatOptions: { granularity: "tensor" } } as const;

it("quantizes a tensor under one scale that is larger than a chunk of the budget", async () => {
  const plain = await quantizeFile(input, join(folder, "plain.onnx"), { ...recipe, backend: backend() });
  const budget = 6_000_000;
  const tight = await quantizeFile(input, join(folder, "tight.onnx"), { ...recipe, backend: backend(budget) });
  // The chunk that the planner aims at is a 32nd of the budget.
  expect(Math.max(...tight.tensors.map(({ shape }) => shape.reduce((a, b) => a * b, 1)))).toBeGreaterThan(budget / 32);
  expect(tight.output.sha256).toBe(plain.output.sha256);
  expect(tight.plan.peakDeviceBytes).toBeLessThanOrEqual(budget);
  expect(plain.tensors.every(({ sqnrDb }) => sqnrDb > 25)).toBe(true);
});

it("says how much a tensor needs that does not fit, and leaves nothing", async () => {
  const before = await readdir(folder);
  const run = quantizeFile(input, join(folder, "none.onnx"), { ...recipe, backend: backend(1_000_000) });
  await expect(run).rejects.toMatchObject({ code: "OUT_OF_MEMORY", details: { availableBytes: 1_000_000 } });
  await expect(run).rejects.toThrow(/layer\d+\.weight needs .* memory budget/);
  expect(await readdir(folder)).toEqual(before);
});
