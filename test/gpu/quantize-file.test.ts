// What goes wrong, and what must hold whatever the circumstances: budgets, gates, bad weights, interruption.
import { copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AbortedError,
  DeviceLostError,
  FormatError,
  IoError,
  NonFiniteError,
  OutOfMemoryError,
  QualityGateError,
  UsageError,
} from "../../src/base/errors.ts";
import { openDevice } from "../../src/device/node.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { quantizeFile, type OpenBackend, type QuantizeFileOptions } from "../../src/node-quantize.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { dataModel } from "../support/data-models.ts";
import { testDevice } from "../support/gpu.ts";
import { floatTensor, onnxBytes, op, smallModel } from "../support/onnx-models.ts";

const device = testDevice();
const input = dataModel("tiny-llama").path;
let folder = "";
let output = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wgslim-quantize-"));
  output = join(folder, "out.onnx");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const backend = (memoryBudget?: number) => async (): Promise<OpenBackend> => {
  const shared = new WebGpuBackend(await device(), kernelSpecs);
  if (memoryBudget === undefined) return { backend: shared, dispose: () => undefined };
  return {
    backend: { profile: { ...shared.profile, memoryBudget }, open: (program) => shared.open(program) },
    dispose: () => undefined,
  };
};

const quantize = (options: Partial<QuantizeFileOptions> = {}, from = input) =>
  quantizeFile(from, output, { format: "int4", backend: backend(), ...options });

/** One MatMul with the given weights. */
async function oneMatMul(values: readonly number[], dims: readonly number[]): Promise<string> {
  const model = smallModel({
    opset: 17,
    nodes: [op("MatMul", ["x", "w"], ["y"])],
    inputs: [["x", ["batch", dims[0] ?? 1]]],
    outputs: [["y", ["batch", dims[1] ?? 1]]],
    initializers: [floatTensor("w", dims, values)],
  });
  const file = join(folder, "one.onnx");
  writeFileSync(file, await onnxBytes(model));
  return file;
}

describe("the same bytes", () => {
  it("under any memory budget", async () => {
    const free = await quantize();
    for (const budget of [6, 2, 1.2]) {
      rmSync(output);
      const tight = await quantize({ backend: backend(budget * 2 ** 20) });
      expect(tight.plan.peakDeviceBytes).toBeLessThanOrEqual(budget * 2 ** 20);
      expect(tight.output.sha256).toBe(free.output.sha256);
    }
  });

  it("after a lost device, from the checkpoint", async () => {
    const whole = await quantize();
    rmSync(output);
    const checkpoint = join(folder, "run.ckpt");
    const gpu = await openDevice();
    const lossy = async (): Promise<OpenBackend> => ({
      backend: new WebGpuBackend(gpu, kernelSpecs),
      dispose: () => gpu.dispose(),
    });
    const onProgress = ({ done }: { done: number }): void => {
      if (done >= 8) gpu.device.destroy();
    };
    await expect(quantize({ backend: lossy, checkpoint, onProgress })).rejects.toBeInstanceOf(DeviceLostError);
    expect(readdirSync(folder)).toEqual(["run.ckpt"]);
    let first: number | undefined;
    const resumed = await quantize({ checkpoint, onProgress: ({ done }) => void (first ??= done) });
    expect(resumed.output.sha256).toBe(whole.output.sha256);
    expect(readdirSync(folder)).toEqual(["out.onnx"]);
  });
});

describe("nothing is left behind", () => {
  it("when a gate is not met, and an earlier file stays", async () => {
    writeFileSync(output, "precious");
    await expect(quantize({ gate: { minSqnrDb: 60 }, force: true })).rejects.toBeInstanceOf(QualityGateError);
    await expect(quantize({ gate: { minCosine: 0.99999 }, force: true })).rejects.toThrow(/cosine/);
    expect(readFileSync(output, "utf8")).toBe("precious");
    expect(readdirSync(folder)).toEqual(["out.onnx"]);
  });

  it("when the output exists and is not to be replaced", async () => {
    writeFileSync(output, "precious");
    await expect(quantize()).rejects.toThrow(/out\.onnx/);
    expect(readFileSync(output, "utf8")).toBe("precious");
  });

  it("when output and input are one file", async () => {
    copyFileSync(input, output);
    const before = readFileSync(output);
    await expect(quantize({ force: true }, output)).rejects.toBeInstanceOf(UsageError);
    expect(readFileSync(output).equals(before)).toBe(true);
  });

  it("when the caller aborts", async () => {
    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }): void => {
      if (done >= 4) controller.abort();
    };
    await expect(quantize({ signal: controller.signal, onProgress })).rejects.toBeInstanceOf(AbortedError);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([NaN, Infinity, -Infinity])("when a weight holds %s, and the weight is named", async (bad) => {
    const values = Array.from({ length: 64 * 48 }, (_, i) => Math.sin(i));
    values[50 * 48 + 7] = bad;
    values[60 * 48 + 1] = bad;
    const file = await oneMatMul(values, [64, 48]);
    const error: unknown = await quantize({ skip: false }, file).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({ details: { tensor: "w", count: 2, firstIndex: 50 * 48 + 7 } });
    expect(existsSync(output)).toBe(false);
  });

  it("when the folder is missing or the input is no model", async () => {
    await expect(
      quantizeFile(input, join(folder, "no/such/out.onnx"), { format: "int4", backend: backend() }),
    ).rejects.toBeInstanceOf(IoError);
    await expect(quantize({}, join(folder, "missing.onnx"))).rejects.toBeInstanceOf(IoError);
    const text = join(folder, "text.onnx");
    writeFileSync(text, "this is no model, but long enough to be read as one");
    await expect(quantize({}, text)).rejects.toBeInstanceOf(FormatError);
    expect(readdirSync(folder)).toEqual(["text.onnx"]);
  });

  it("when the memory budget is absurd", async () => {
    await expect(quantize({ backend: backend(1000) })).rejects.toBeInstanceOf(OutOfMemoryError);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("rules", () => {
  it("override format, block and skip, and are reported", async () => {
    const report = await quantize({
      rules: [
        { pattern: "/MatMul_7[45]\\d/", format: "int8", options: { blockSize: 64 } },
        { pattern: "e.weight", format: "skip" },
      ],
    });
    expect(report.tensors.some(({ format }) => format === "int8")).toBe(true);
    expect(report.skipped).toContainEqual({ name: "e.weight", reason: 'rule "e.weight"' });
  });

  it("that match nothing are an error with near names", async () => {
    await expect(quantize({ rules: [{ pattern: "MatMul_744x", format: "int8" }] })).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining("onnx::MatMul_744"),
    });
  });
});
