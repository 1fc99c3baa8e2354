// Every real model in every named format: packed on this adapter, byte for byte what the plain CPU references
// make, loaded and run by onnxruntime, and as small as promised.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { compareOutputs } from "../../src/evaluate/compare.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { formatNames, type FormatName } from "../../src/methods/quantize/formats.ts";
import { quantizeFile, type OpenBackend } from "../../src/node-quantize.ts";
import type { QuantizeReport } from "../../src/report/types.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { dataModelInputs, dataModels, type DataModel } from "../support/data-models.ts";
import { testDevice } from "../support/gpu.ts";
import { runOracle, type OrtRuntime } from "../support/ort.ts";

const device = testDevice();
const folder = mkdtempSync(join(tmpdir(), "wgslim-models-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open = {
  gpu: async (): Promise<OpenBackend> => ({
    backend: new WebGpuBackend(await device(), kernelSpecs),
    dispose: () => undefined,
  }),
  cpu: async (): Promise<OpenBackend> => ({ backend: new CpuBackend(kernelReferences), dispose: () => undefined }),
};

/** Formats without an operator for any weight of a model; quantizing to them must say so. */
const inapplicable: Readonly<Partial<Record<DataModel["id"], readonly FormatName[]>>> = {
  "ocr-cls": ["int2", "uint2", "nf4", "fp4"],
  vad: ["int2", "uint2", "nf4", "fp4"],
  "fashion-cnn": ["int2", "uint2", "nf4", "fp4"],
};

/** The larger models meet the slow references in these formats only; the small ones in all. */
const referenced: ReadonlySet<FormatName> = new Set(["int8", "int4", "nf4", "fp16", "dynamic-int8"]);

/** Largest share of the input's bytes, for models whose bytes are weights to 95 % or more. */
const shares: Readonly<Partial<Record<FormatName, number>>> = {
  int8: 0.3,
  int4: 0.2,
  fp16: 0.52,
  "dynamic-int8": 0.32,
};
const mostlyWeights: ReadonlySet<DataModel["id"]> = new Set(["ocr-rec", "tiny-llama", "fashion-cnn"]);
const large: ReadonlySet<DataModel["id"]> = new Set(["ocr-rec", "tiny-llama"]);

const sha256 = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

describe.each(dataModels)("$id", (model) => {
  it.each(formatNames)("%s: the references' bytes, taken by onnxruntime", async (format) => {
    const [ours, reference] = [`${model.id}-${format}.onnx`, `${model.id}-${format}-cpu.onnx`].map((name) =>
      join(folder, name),
    );
    const run = quantizeFile(model.path, ours ?? "", { format, backend: open.gpu });
    if (inapplicable[model.id]?.includes(format)) return expect(run).rejects.toBeInstanceOf(UsageError);
    const report = await run;
    if (!large.has(model.id) || referenced.has(format)) {
      await quantizeFile(model.path, reference ?? "", { format, backend: open.cpu });
      expect(report.output.sha256).toBe(sha256(reference ?? ""));
    }
    checkReport(model, format, report);
    const inputs = dataModelInputs(model);
    const before = await runOracle(model.path, inputs);
    const runtimes: readonly OrtRuntime[] = ["cpu", "wasm"];
    for (const runtime of runtimes) {
      const { outputs } = compareOutputs(before, await runOracle(ours ?? "", inputs, runtime));
      for (const { cosine } of outputs) expect(cosine).toBeGreaterThan(0.5);
    }
    return undefined;
  });
});

function checkReport({ id }: DataModel, format: FormatName, report: QuantizeReport): void {
  expect(report.tensors.length).toBeGreaterThan(0);
  expect(report.plan.peakDeviceBytes).toBeLessThanOrEqual(1.1 * report.plan.lowerBoundBytes);
  for (const tensor of report.tensors) {
    expect(tensor.bytesAfter).toBeLessThan(tensor.bytesBefore);
    expect(tensor.cosine).toBeGreaterThan(0.9);
  }
  const share = shares[format];
  if (share !== undefined && mostlyWeights.has(id))
    expect(report.output.bytes / report.input.bytes).toBeLessThanOrEqual(share);
}
