// The transformers.js preset, judged by transformers.js: it finds every file by its own names and runs it.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, AutoModelForCausalLM, Tensor } from "@huggingface/transformers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { compareOutput } from "../../src/evaluate/compare.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import { quantizePreset, type PresetReport, type PresetType } from "../../src/node-quantize-preset.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { dataModel } from "../support/data-models.ts";
import { testDevice } from "../support/gpu.ts";
import { onnxBytes, op, randomTensor, smallModel } from "../support/onnx-models.ts";
import { operatorsOf } from "../support/quantized.ts";

const device = testDevice();
const root = mkdtempSync(join(tmpdir(), "wgslim-preset-"));
const folder = join(root, "tiny-llama", "onnx");
const input = dataModel("tiny-llama").path;
let report: PresetReport;

const backend = async () => ({
  backend: new WebGpuBackend(await device(), kernelSpecs),
  dispose: (): void => undefined,
});

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(input, "..", "config.json"), join(root, "tiny-llama", "config.json"));
  report = await quantizePreset(input, folder, { preset: "transformers.js", backend });
  env.allowRemoteModels = false;
  env.localModelPath = root;
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Logits of transformers.js for the same tokens. */
async function logitsOf(dtype: PresetType): Promise<{ dims: number[]; data: Float32Array }> {
  const model = await AutoModelForCausalLM.from_pretrained("tiny-llama", { dtype, device: "cpu" });
  try {
    const ids = BigInt64Array.from({ length: 64 }, (_, i) => BigInt(40 + ((i * 7) % 60)));
    const { logits } = await model({
      input_ids: new Tensor("int64", ids, [1, 64]),
      attention_mask: new Tensor("int64", new BigInt64Array(64).fill(1n), [1, 64]),
    });
    return { dims: logits.dims, data: Float32Array.from(logits.data) };
  } finally {
    await model.dispose();
  }
}

/** Lowest cosine of the logits to those of f32. */
const lowest: readonly (readonly [PresetType, string, number])[] = [
  ["fp16", "model_fp16.onnx", 0.99999],
  ["q8", "model_quantized.onnx", 0.999],
  ["int8", "model_int8.onnx", 0.999],
  ["uint8", "model_uint8.onnx", 0.999],
  ["q4", "model_q4.onnx", 0.99],
  ["q4f16", "model_q4f16.onnx", 0.99],
  ["bnb4", "model_bnb4.onnx", 0.98],
];

async function operators(name: string): Promise<ReadonlySet<string>> {
  const model = await readOnnx(fromBytes(name, new Uint8Array(readFileSync(join(folder, name)))));
  return new Set(operatorsOf(model));
}

describe("quantizePreset for transformers.js", () => {
  it("writes the whole set, the model itself as it is", () => {
    expect(report.skipped).toEqual([]);
    const names = ["model.onnx", ...lowest.map(([, name]) => name)];
    expect(report.files.map(({ path }) => path)).toEqual(names.map((name) => join(folder, name)));
    expect(readdirSync(folder).toSorted()).toEqual(names.toSorted());
    expect(readFileSync(join(folder, "model.onnx")).equals(readFileSync(input))).toBe(true);
  });

  it.each(lowest)("%s loads as %s and answers like f32", async (type, _, cosine) => {
    const [expected, actual] = [await logitsOf("fp32"), await logitsOf(type)];
    const result = compareOutput({ name: "logits", ...expected }, { name: "logits", ...actual });
    expect(result.cosine).toBeGreaterThan(cosine);
    expect(result.cosine).toBeLessThan(1);
  });

  it("takes the operators that its runtimes are fast at", async () => {
    expect(await operators("model_q4.onnx")).toContain("MatMulNBits");
    expect(await operators("model_bnb4.onnx")).toContain("MatMulBnb4");
    expect(await operators("model_quantized.onnx")).toContain("MatMulInteger");
    expect(await operators("model_q4f16.onnx")).toContain("MatMulNBits");
  });

  it("leaves out types that fit no weight, and refuses to write over files", async () => {
    const file = join(root, "conv.onnx");
    const model = smallModel({
      nodes: [op("Conv", ["x", "w"], ["y"])],
      inputs: [["x", [1, 16, 8, 8]]],
      outputs: [["y", undefined]],
      initializers: [randomTensor("w", [32, 16, 3, 3])],
    });
    writeFileSync(file, await onnxBytes(model));
    const made = await quantizePreset(file, join(root, "conv"), { preset: "transformers.js", backend });
    expect(made.skipped.map(({ type }) => type)).toEqual(["q4", "bnb4"]);
    expect(made.files.map(({ type }) => type)).toEqual(["fp32", "fp16", "q8", "int8", "uint8", "q4f16"]);
    expect(made.files[2]?.report?.tensors[0]?.format).toBe("dynamic-uint8");
    const again = quantizePreset(file, join(root, "conv"), { preset: "transformers.js", backend });
    await expect(again).rejects.toThrow(UsageError);
  });
});
