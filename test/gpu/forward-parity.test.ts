// Whole models, real ones and the zoo's, against onnxruntime's CPU provider: every output within 1e-4 of its
// largest magnitude.
import { describe, expect, it } from "vitest";
import { makeInputs } from "../../src/evaluate/inputs.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { dataModels } from "../support/data-models.ts";
import { compareForward } from "../support/forward.ts";
import { testDevice } from "../support/gpu.ts";
import { zoo } from "../zoo/index.ts";

const tolerance = 1e-4;
const device = testDevice();
const backend = async (): Promise<WebGpuBackend> => new WebGpuBackend(await device(), graphKernelSpecs);

describe("forward parity", () => {
  it.each(dataModels)("$id", async ({ path, inputs, ranges }) => {
    const made = makeInputs(inputs, ranges ? { seed: 3, ranges } : { seed: 3 });
    const found = await compareForward(path, made, await backend());
    expect(found.filter(({ error }) => !(error <= tolerance))).toEqual([]);
    expect(found.length).toBeGreaterThan(0);
  });

  it.each(zoo)("$name", async (entry) => {
    const found = await compareForward(entry.build(), entry.inputs(5), await backend());
    expect(found.filter(({ error }) => !(error <= tolerance))).toEqual([]);
    expect(found.length).toBeGreaterThan(0);
  });
});
