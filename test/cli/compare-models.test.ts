import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FormatError, IoError, QualityGateError, UnsupportedError, UsageError } from "../../src/base/errors.ts";
import { compareModels } from "../../src/cli/compare-models.ts";
import { compare, comparisonText, parseDim, parseShape } from "../../src/cli/commands/compare.ts";
import { loadOrt, openOrtModel } from "../../src/cli/ort.ts";
import { writeNpy } from "../../src/formats/npy.ts";
import { dataModel } from "../support/data-models.ts";

const llama = dataModel("tiny-llama").path;
const cnn = dataModel("fashion-cnn").path;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wgslim-compare-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, content: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe("compareModels", () => {
  test("a model equals itself; ids are bounded by the embedding table", async () => {
    const result = await compareModels(llama, llama, { dims: { sequence: 100 }, seed: 3 });
    expect(result.inputs).toEqual([{ name: "input_ids", dtype: "i64", dims: [1, 100], content: "integers 0 to 259" }]);
    expect(result.outputs).toHaveLength(1);
    expect(result.outputs[0]).toMatchObject({
      name: "logits",
      dims: [1, 100, 260],
      cosine: 1,
      sqnrDb: Number.POSITIVE_INFINITY,
      classes: { classes: 260, rows: 100, kind: "logits", klDivergence: 0, top1Agreement: 1, top5Agreement: 1 },
    });
    expect(result.warnings).toEqual([]);
    expect(comparisonText(result)).toMatch(/logits +\[1,100,260\] .*exact/);
  });

  test("the guessed inputs suit the voice detector and the text reader", { timeout: 60_000 }, async () => {
    for (const id of ["vad", "ocr-rec", "ocr-cls"] as const) {
      const { path } = dataModel(id);
      const result = await compareModels(path, path);
      expect(result.outputs.every((output) => output.cosine === 1)).toBe(true);
      expect(result.warnings).toEqual([]);
    }
  });

  test("runs add up", async () => {
    const result = await compareModels(cnn, cnn, { runs: 3, dims: { batch: 2 } });
    expect(result.outputs[0]).toMatchObject({ dims: [2, 10], count: 60, classes: { rows: 6 } });
  });

  test("empty outputs are told, and miss any gate", async () => {
    const result = await compareModels(cnn, cnn, { dims: { batch: 0 } });
    expect(result.warnings).toEqual(['Output "logits" is empty: there was nothing to compare.']);
    const flags = { runs: "1", seed: "0", dim: ["batch=0"], minCosine: "0.5" };
    await expect(compare(cnn, cnn, flags)).rejects.toThrow(QualityGateError);
  });

  test("inputs from .npy and .json give what the same numbers give", async () => {
    const values = Float32Array.from({ length: 784 }, (_, index) => Math.sin(index));
    const npy = await file("image.npy", writeNpy({ dtype: "f32", dims: [1, 1, 28, 28], data: values }));
    const json = await file("image.json", JSON.stringify({ dims: [1, 1, 28, 28], data: [...values] }));
    const fromNpy = await compareModels(cnn, cnn, { files: { image: npy } });
    const fromJson = await compareModels(cnn, cnn, { files: { image: json } });
    expect(fromNpy.inputs[0]?.content).toBe(npy);
    expect(fromJson.outputs).toEqual(fromNpy.outputs);
  });

  test("NaN is reported with the model that made it", async () => {
    const path = await file(
      "nan.npy",
      writeNpy({ dtype: "f32", dims: [1, 1, 28, 28], data: new Float32Array(784).fill(Number.NaN) }),
    );
    const { warnings, outputs } = await compareModels(cnn, cnn, { files: { image: path } });
    expect(outputs[0]?.nonFiniteA).toBe(10);
    expect(warnings[0]).toMatch(/NaN or infinity in both models/);
  });

  test("what can't work is refused with a typed error", async () => {
    const text = await file("image.txt", "1");
    const broken = await file("broken.json", "{");
    const small = await file("small.json", "[1, 2]");
    const noModel = await file("no.onnx", "no model");
    await expect(compareModels(cnn, llama)).rejects.toThrow(UsageError);
    await expect(compareModels(cnn, noModel)).rejects.toThrow(UnsupportedError);
    await expect(compareModels(cnn, join(folder, "absent.onnx"))).rejects.toThrow(IoError);
    await expect(compareModels(cnn, cnn, { files: { image: text } })).rejects.toThrow(UsageError);
    await expect(compareModels(cnn, cnn, { files: { image: broken } })).rejects.toThrow(FormatError);
    await expect(compareModels(cnn, cnn, { files: { image: small } })).rejects.toThrow(UsageError);
    await expect(compareModels(cnn, cnn, { files: { image: join(folder, "absent.npy") } })).rejects.toThrow(IoError);
    await expect(compareModels(cnn, cnn, { files: { picture: small } })).rejects.toThrow(/has no input "picture"/);
    await expect(compareModels(cnn, cnn, { runs: 0 })).rejects.toThrow(UsageError);
    await expect(compareModels(cnn, cnn, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" });
  });
});

describe("onnxruntime-node", () => {
  test("its absence is a typed error that says what to install", async () => {
    const missing = loadOrt(() => Promise.reject(new Error("Cannot find package 'onnxruntime-node'")));
    await expect(missing).rejects.toBeInstanceOf(UnsupportedError);
    await expect(missing).rejects.toMatchObject({ hint: expect.stringContaining("npm i onnxruntime-node") });
  });

  test("a missing input and a wrong shape are usage errors", async () => {
    const model = await openOrtModel(cnn);
    await expect(model.run([])).rejects.toThrow(/"image" is not given/);
    const wrong = { name: "image", dtype: "f32", dims: [1, 1, 27, 28], data: new Float32Array(756) } as const;
    await expect(model.run([wrong])).rejects.toThrow(UsageError);
    await model.dispose();
  });
});

describe("options", () => {
  test("dims and shapes", () => {
    expect(parseDim("a=b=2")).toEqual(["a=b", 2]);
    expect(parseShape("x=1,3,48,320")).toEqual(["x", [1, 3, 48, 320]]);
    expect(parseShape("x=1x3")).toEqual(["x", [1, 3]]);
    for (const text of ["x", "=1", "x=", "x=-1", "x=1.5", "x=1,,2"]) expect(() => parseShape(text)).toThrow(UsageError);
  });
});
