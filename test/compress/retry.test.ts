// A device with less memory than it promised: smaller chunks, the same bytes; or a typed error and nothing left.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSyntheticModel } from "../../src/bench/synthetic-model.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { quantizeFile, type OpenBackend } from "../../src/node-quantize.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";

let folder = "";
let input = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wgslim-retry-"));
  input = join(folder, "model.onnx");
  await writeSyntheticModel(input, { bytes: 600_000, width: 128 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const backend = (memoryLimit?: number) => async (): Promise<OpenBackend> => ({
  backend: new CpuBackend(kernelReferences, memoryLimit === undefined ? {} : { memoryLimit }),
  dispose: () => undefined,
});
const recipe = { format: "int4", formatOptions: { search: { kind: "absmax" } } } as const;

describe("compressWithRetry", () => {
  it("plans again in smaller chunks, with the same bytes and a warning", async () => {
    const plain = await quantizeFile(input, join(folder, "plain.onnx"), { ...recipe, backend: backend() });
    const limit = Math.floor(plain.plan.peakDeviceBytes / 3);
    const heard: string[] = [];
    const report = await quantizeFile(input, join(folder, "tight.onnx"), {
      ...recipe,
      backend: backend(limit),
      checkpoint: join(folder, "tight.ckpt"),
      onWarning: (warning) => heard.push(warning),
    });
    expect(report.output.sha256).toBe(plain.output.sha256);
    expect(report.plan.peakDeviceBytes).toBeLessThanOrEqual(limit);
    expect(report.warnings.filter((warning) => warning.includes("no room"))).toEqual(heard);
    expect(heard.length).toBeGreaterThan(0);
    expect((await readdir(folder)).toSorted()).toEqual(["model.onnx", "plain.onnx", "tight.onnx"]);
  });

  it("ends with the device's own error where nothing smaller can be had, and leaves nothing", async () => {
    const before = await readdir(folder);
    const run = quantizeFile(input, join(folder, "none.onnx"), { ...recipe, backend: backend(3000) });
    await expect(run).rejects.toMatchObject({ code: "OUT_OF_MEMORY", details: { availableBytes: 3000 } });
    expect(await readdir(folder)).toEqual(before);
  });
});
