// Models that none of the defaults was made for, as users bring them: int8 and int4 keep the outputs and the sizes that
// are promised, and the files run in both of onnxruntime's builds.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GpuContext } from "../../src/device/context.ts";
import { openDevice } from "../../src/device/node.ts";
import { compareOutputs } from "../../src/evaluate/compare.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { findWeights } from "../../src/model/weights.ts";
import { quantizeFile } from "../../src/node-quantize.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { onnxBytes } from "../support/onnx-models.ts";
import { runOracle } from "../support/ort.ts";
import { typicalModels } from "../support/typical-models.ts";

const folder = mkdtempSync(join(tmpdir(), "wgslim-typical-"));
let device: GpuContext;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => {
  device.dispose();
  rmSync(folder, { recursive: true, force: true });
});

test.each(typicalModels())("$name", async ({ model, inputs }) => {
  const [original, copy] = [join(folder, "original.onnx"), join(folder, "copy.onnx")];
  const bytes = await onnxBytes(model);
  writeFileSync(original, bytes);
  const weights = findWeights(model).weights.reduce((sum, { elements }) => sum + 4 * elements, 0);
  expect(weights / bytes.length).toBeGreaterThan(0.95);
  const before = await runOracle(original, inputs);
  for (const [format, cosineFloor, share] of [
    ["int8", 0.999, 0.3],
    ["int4", 0.98, 0.2],
  ] as const) {
    const backend = { backend: new WebGpuBackend(device, kernelSpecs), dispose: () => undefined };
    const { output } = await quantizeFile(original, copy, { format, force: true, backend: async () => backend });
    expect.soft(output.bytes / bytes.length, format).toBeLessThanOrEqual(share);
    for (const runtime of ["cpu", "wasm"] as const) {
      const [logits] = compareOutputs(before, await runOracle(copy, inputs, runtime)).outputs;
      expect.soft(logits?.cosine, `${format} in ${runtime}`).toBeGreaterThan(cosineFloor);
    }
  }
});
