// A tensor under one scale goes whole while it fits the budget. Where it does not, it is cut: read once for its range,
// once for each round of a search and once for its codes, with the same bytes. Other weights are none the worse for it.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeSyntheticModel } from "../../src/bench/synthetic-model.ts";
import { openModel } from "../../src/compress/open-model.ts";
import { planCompression, type QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { fromFile } from "../../src/node-files.ts";
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
  expect(tight.warnings.filter((warning) => warning.includes("read 2 times"))).toEqual([]);
  expect(tight.output.sha256).toBe(plain.output.sha256);
  expect(tight.plan.peakDeviceBytes).toBeLessThanOrEqual(budget);
  expect(plain.tensors.every(({ sqnrDb }) => sqnrDb > 25)).toBe(true);
  // One that holds the matrices only in parts: the same again, read twice.
  const cut = await quantizeFile(input, join(folder, "cut.onnx"), { ...recipe, backend: backend(900_000) });
  expect(cut.output.sha256).toBe(plain.output.sha256);
  expect(cut.plan.peakDeviceBytes).toBeLessThanOrEqual(Math.min(900_000, 1.1 * cut.plan.lowerBoundBytes));
  expect(cut.warnings).toContainEqual(
    '"layer0.weight", "layer1.weight", "layer2.weight" and 3 more are read 2 times: ' +
      "one scale spans more than fits the device's memory at once.",
  );
  // Statistics are folded from other segments, in another order.
  for (const [index, { sqnrDb, maxAbsError }] of cut.tensors.entries()) {
    expect(sqnrDb).toBeCloseTo(plain.tensors[index]?.sqnrDb ?? 0, 3);
    expect(maxAbsError).toBe(plain.tensors[index]?.maxAbsError);
  }
});

it("resumes within a tensor that is cut, and has its range again", async () => {
  const [output, checkpoint] = [join(folder, "resumed.onnx"), join(folder, "resumed.ckpt")];
  const options = { ...recipe, backend: backend(900_000), checkpoint };
  const controller = new AbortController();
  const first: string[] = [];
  const stopped = quantizeFile(input, output, {
    ...options,
    signal: controller.signal,
    onProgress: ({ unit }) => {
      first.push(unit);
      if (/layer4.weight_quantized#1$/.test(unit)) controller.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: "ABORTED" });
  expect(first.filter((unit) => unit.endsWith(" range")).length).toBeGreaterThan(4);
  const plain = await quantizeFile(input, join(folder, "at-once.onnx"), { ...recipe, backend: backend() });
  const resumed = await quantizeFile(input, output, options);
  expect(resumed.output.sha256).toBe(plain.output.sha256);
});

it("says how much a weight needs that does not fit in any chunks, and leaves nothing", async () => {
  const before = await readdir(folder);
  const run = quantizeFile(input, join(folder, "none.onnx"), { ...recipe, backend: backend(9000) });
  await expect(run).rejects.toMatchObject({ code: "OUT_OF_MEMORY", details: { availableBytes: 9000 } });
  await expect(run).rejects.toThrow(/layer\d+\.weight needs .* memory budget/);
  expect(await readdir(folder)).toEqual(before);
});

it("cuts only the weights that need it, and takes the overlap from no other", async () => {
  const source = await fromFile(input);
  const model = await openModel(source);
  const planFor = (memoryBudget: number, rules: QuantizeRecipe["rules"] = []) => {
    const { profile } = new CpuBackend(kernelReferences, { memoryBudget });
    const formatOptions = { search: { kind: "absmax" } } as const;
    const { plan, job } = planCompression(model, profile, { format: "int4", formatOptions, skip: false, rules });
    const chunks = job.results.filter(({ packed }) => packed.source !== "layer4.weight").map(({ unit }) => unit);
    return { warnings: plan.warnings, chunks };
  };
  const rules = [{ pattern: "layer4.weight", format: "int8", options: { granularity: "tensor" } }] as const;
  const [blocks, mixed] = [planFor(900_000), planFor(900_000, rules)];
  expect(blocks.warnings).toEqual([]);
  expect(mixed.warnings).toEqual([expect.stringMatching(/^"layer4.weight" is read 2 times/)]);
  expect(mixed.chunks).toEqual(blocks.chunks);
  const roomy = planFor(4_000_000, rules);
  expect(roomy.warnings).toEqual([expect.stringMatching(/at the same time in 1 of \d+ batches/)]);
  await source.close?.();
});
