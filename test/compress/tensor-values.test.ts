// Values before and after, as a page reads them from the written file.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { openModel } from "../../src/compress/open-model.ts";
import { planCompression } from "../../src/compress/plan-compression.ts";
import { runCompression } from "../../src/compress/run-compression.ts";
import { readTensorValues } from "../../src/compress/tensor-values.ts";
import { fromBytes, toMemory } from "../../src/formats/sources/memory.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";

const file = readFileSync("test/fixtures/models/fashion-cnn/model.onnx");

const spread = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));

describe("readTensorValues", () => {
  it.each(["int4", "fp16"] as const)("gives the values behind the reported error of %s", async (format) => {
    const backend = new CpuBackend(kernelReferences);
    const model = await openModel(fromBytes("model.onnx", file));
    const plan = planCompression(model, backend.profile, { format, formatOptions: {} });
    const output = toMemory();
    const { tensors } = await runCompression(plan, backend, { output });
    const written = await output.asSource();
    for (const { name, statistics } of tensors.slice(0, 4)) {
      const { before, after } = await readTensorValues(plan, written, name);
      expect(before.length).toBe(statistics.count);
      expect(after.length).toBe(statistics.count);
      expect(before.reduce((low, x) => Math.min(low, x), Infinity)).toBe(statistics.minSource);
      expect(before.reduce((high, x) => Math.max(high, x), -Infinity)).toBe(statistics.maxSource);
      expect(Math.abs(spread(after) / spread(before) - 1)).toBeLessThan(0.05);
      expect(after.some((x, i) => x !== before[i])).toBe(true);
    }
    await expect(readTensorValues(plan, written, "no such tensor")).rejects.toThrow(UsageError);
  });
});
