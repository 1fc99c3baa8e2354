// What a device sees of a run is what its plan says: bytes, buffers, dispatches, submits. And a device without room for
// the plan's buffers gets smaller ones, or ends the run with an error that tells how much was asked for.
import { describe, expect, it } from "vitest";
import { OutOfMemoryError } from "../../src/base/errors.ts";
import { openOnnx } from "../../src/compress/open-model.ts";
import { planCompression, type QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import type { CompressionProgress } from "../../src/compress/progress.ts";
import { compressWithRetry } from "../../src/compress/retry.ts";
import { runCompression } from "../../src/compress/run-compression.ts";
import { GpuContext } from "../../src/device/context.ts";
import { toMemory } from "../../src/formats/sources/memory.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { countedDevice, type DeviceCounts } from "../support/counted-device.ts";
import { testDevice } from "../support/gpu.ts";
import { onnxSource, op, randomTensor, smallModel } from "../support/onnx-models.ts";

const device = testDevice();
const kibi = 2 ** 10;

async function counted(
  memoryBudget?: number,
  largest?: number,
): Promise<{ backend: WebGpuBackend; counts: DeviceCounts }> {
  const gpu = await device();
  const { device: wrapped, counts } = countedDevice(gpu.device, largest);
  const profile = memoryBudget === undefined ? gpu.profile : { ...gpu.profile, memoryBudget };
  return { backend: new WebGpuBackend(new GpuContext(wrapped, profile, false), kernelSpecs), counts };
}

const weights: readonly (readonly [number, number])[] = [
  [256, 320],
  [320, 256],
  [256, 96],
];
const model = async () =>
  openOnnx(
    await onnxSource(
      smallModel({
        nodes: weights.map((_, layer) => op("MatMul", [`x${layer}`, `w${layer}`], [`x${layer + 1}`])),
        inputs: [["x0", [1, 256]]],
        outputs: [["x3", [1, 96]]],
        initializers: weights.map((dims, layer) => randomTensor(`w${layer}`, dims)),
      }),
    ),
  );
const blocks: QuantizeRecipe = { format: "int4", formatOptions: { search: { kind: "absmax" } }, skip: false };
const tensor: QuantizeRecipe = { format: "int8", formatOptions: { granularity: "tensor" }, skip: false };

async function run(recipe: QuantizeRecipe, memoryBudget?: number) {
  const { backend, counts } = await counted(memoryBudget);
  const plan = planCompression(await model(), backend.profile, recipe);
  const output = toMemory("small.onnx");
  const progress: CompressionProgress[] = [];
  await runCompression(plan, backend, { output, onProgress: (step) => progress.push(step) });
  return { plan, counts, progress, bytes: output.bytes() };
}

describe.each<[string, QuantizeRecipe, number | undefined]>([
  ["blocks without a budget", blocks, undefined],
  ["blocks in a tight budget", blocks, 500 * kibi],
  ["a scale per tensor, cut", tensor, 400 * kibi],
])("%s", (_, recipe, budget) => {
  it("takes what was planned, and gives all of it back", async () => {
    const { plan, counts, progress } = await run(recipe, budget);
    const { slots, ops, dispatches, submits, peakDeviceBytes, bytesIn, units } = plan.plan;
    expect(counts).toEqual({
      buffers: slots.length,
      bytes: 0,
      peakBytes: peakDeviceBytes,
      dispatches,
      submits,
      refused: 0,
    });
    expect(ops.filter(({ kind }) => kind === "submit")).toHaveLength(submits);
    // In each phase progress only grows, piece by piece, and ends with everything done.
    const packed = progress.filter(({ phase }) => phase === "pack");
    const proved = progress.filter(({ phase }) => phase === "prove");
    expect(progress).toEqual([...packed, ...proved]);
    expect([packed.length, proved.length]).toEqual([units.length, plan.job.results.length]);
    expect(packed.at(-1)).toMatchObject({ bytesDone: bytesIn, bytesTotal: bytesIn });
    for (const steps of [packed, proved]) {
      expect(steps.map(({ done }) => done)).toEqual(steps.map((__, index) => index + 1));
      const bytes = steps.map(({ bytesDone }) => bytesDone);
      expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
      expect(steps.at(-1)).toMatchObject({ total: steps.length, bytesDone: steps[0]?.bytesTotal });
    }
  });
});

it("gives the same bytes whatever the budget", async () => {
  for (const recipe of [blocks, tensor]) {
    const plain = await run(recipe);
    const tight = await run(recipe, 300 * kibi);
    expect(tight.plan.plan.units.length).toBeGreaterThan(plain.plan.plan.units.length);
    expect(Buffer.from(tight.bytes).equals(plain.bytes)).toBe(true);
  }
});

describe("a device without room", () => {
  it.each([blocks, tensor])("gets smaller buffers, and the same bytes come out", async (recipe) => {
    const plain = await run(recipe);
    const { backend, counts } = await counted(undefined, 150 * kibi);
    const outputs: ReturnType<typeof toMemory>[] = [];
    const opened = await model();
    const { plan, retries } = await compressWithRetry(
      (profile) => planCompression(opened, profile, recipe),
      backend,
      async () => {
        outputs.push(toMemory("small.onnx"));
        return outputs.at(-1) ?? toMemory("none.onnx");
      },
    );
    expect(retries.length).toBeGreaterThan(0);
    expect(retries[0]).toMatch(/no room for .*; going on in smaller chunks, with /);
    expect(counts.refused).toBeGreaterThan(0);
    expect(counts.bytes).toBe(0);
    expect(Math.max(...plan.plan.slots.map(({ bytes }) => bytes))).toBeLessThanOrEqual(150 * kibi);
    expect(Buffer.from(outputs.at(-1)?.bytes() ?? []).equals(plain.bytes)).toBe(true);
  });

  it("for the smallest plan ends the run, says what was needed, and keeps nothing", async () => {
    const { backend, counts } = await counted(undefined, 300);
    const opened = await model();
    const ended = compressWithRetry(
      (profile) => planCompression(opened, profile, blocks),
      backend,
      async () => toMemory("small.onnx"),
    );
    const error: unknown = await ended.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OutOfMemoryError);
    if (!(error instanceof OutOfMemoryError)) return;
    expect(error.details["neededBytes"]).toBeGreaterThan(300);
    expect(error.details["availableBytes"]).toBeLessThan(Number(error.details["neededBytes"]));
    expect(error.hint).toMatch(/budget/);
    expect(counts.bytes).toBe(0);
  });
});
