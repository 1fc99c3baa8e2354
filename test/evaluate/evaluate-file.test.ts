// Every task through small models whose answers can be worked out by hand, by the plain references: which samples are
// run, in which batches, and with which truth.
import { describe, expect, it } from "vitest";
import { NonFiniteError, UsageError } from "../../src/base/errors.ts";
import { openOnnx } from "../../src/compress/open-model.ts";
import type { OnnxFile } from "../../src/compress/models.ts";
import { fromArrays } from "../../src/data/arrays.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import type { NpyArray } from "../../src/formats/npy.ts";
import { evaluateFile } from "../../src/node-evaluate.ts";
import { evaluationPage, evaluationTables } from "../../src/report/evaluation.ts";
import { floatTensor, onnxBytes, op, smallModel } from "../support/onnx-models.ts";

type Dims = readonly (number | string)[];

/** A model that adds a constant to its input. */
async function adds(dims: Dims, constant: number): Promise<OnnxFile> {
  const bytes = await onnxBytes(
    smallModel({
      nodes: [op("Add", ["x", "c"], ["y"])],
      inputs: [["x", dims]],
      outputs: [["y", dims]],
      initializers: [floatTensor("c", [1], [constant])],
    }),
  );
  return await openOnnx(fromBytes("adds.onnx", bytes));
}

const floats = (dims: readonly number[], values: readonly number[]): NpyArray => ({
  dtype: "f32",
  dims,
  data: Float32Array.from(values),
});
const dataOf = (dims: readonly number[], values: readonly number[]): Dataset =>
  fromArrays("data", [["x", floats(dims, values)]]);
const labelsOf = (dims: readonly number[], values: readonly number[]): Dataset =>
  fromArrays("labels", [["label", floats(dims, values)]]);

const adapter = "cpu";

describe("evaluateFile", () => {
  it("fills a fixed batch up and judges each sample once", async () => {
    const seen: number[] = [];
    const found = await evaluateFile(await adds([2, 1], 0.5), dataOf([5, 1], [1, 2, 3, 4, 5]), {
      task: "regression",
      labels: labelsOf([5, 1], [1, 2, 3, 4, 6]),
      adapter,
      onProgress: (samples) => seen.push(samples),
    });
    expect(found).toMatchObject({ samples: 5, batchSize: 2 });
    expect(seen).toEqual([2, 4, 5]);
    expect(found.report.model).toMatchObject({ count: 5, mse: 0.25, maxAbsError: 0.5 });
  });

  it("refuses another batch size than the model's", async () => {
    const judged = evaluateFile(await adds([2, 1], 0), dataOf([2, 1], [1, 2]), {
      task: "regression",
      labels: labelsOf([2, 1], [1, 2]),
      batchSize: 3,
      adapter,
    });
    await expect(judged).rejects.toThrow(/takes 2 samples at a time, not 3/);
  });

  it("chooses samples by the seed, each with its own truth", async () => {
    const values = Array.from({ length: 40 }, (_, index) => index);
    const judge = async (seed: number) =>
      await evaluateFile(await adds(["n", 1], 0), dataOf([40, 1], values), {
        task: "regression",
        labels: labelsOf(
          [40, 1],
          values.map((value) => value ** 2 / 10),
        ),
        limit: 10,
        seed,
        adapter,
      });
    const [one, again, other] = [await judge(1), await judge(1), await judge(2)];
    expect(one).toMatchObject({ samples: 10, available: 40, seed: 1 });
    expect(again.report).toEqual(one.report);
    expect(other.report.model?.mse).not.toBe(one.report.model?.mse);
  });

  it("judges embeddings by pairs, and keeps pairs together", async () => {
    // Cosines of the pairs: 1, 0.8, 0.6, 0, in the order of the truth.
    const vectors = [1, 0, 2, 0, 1, 0, 4, 3, 1, 0, 3, 4, 1, 0, 0, 1];
    const judge = async (batchSize: number) =>
      await evaluateFile(await adds(["n", 2], 0), dataOf([8, 2], vectors), {
        task: "embedding",
        labels: labelsOf([4], [5, 4, 3, 1]),
        batchSize,
        adapter,
      });
    const { report, samples } = await judge(4);
    expect(samples).toBe(8);
    expect(report.model?.rankCorrelation).toBeCloseTo(1, 12);
    await expect(judge(3)).rejects.toThrow(/tear apart/);
  });

  it("judges segmentation beside the original", async () => {
    // Two classes on 1 x 2 pixels; both models prefer the same class everywhere.
    const scores = [1, 0, 0, 1, 0, 0, 1, 1];
    const { report } = await evaluateFile(await adds(["n", 2, 1, 2], 1), dataOf([2, 2, 1, 2], scores), {
      task: "segmentation",
      labels: labelsOf([2, 1, 2], [0, 1, 1, 0]),
      against: await adds(["n", 2, 1, 2], 0),
      adapter,
    });
    expect(report.model).toMatchObject({ pixels: 4, pixelAccuracy: 0.75 });
    expect(report.agreement).toEqual({ samePixels: 1, meanIou: 1 });
  });

  it("refuses NaN, naming model, value and sample", async () => {
    const judged = evaluateFile(await adds(["n", 1], 0), dataOf([3, 1], [1, 2, Number.NaN]), {
      task: "regression",
      labels: labelsOf([3, 1], [1, 2, 3]),
      batchSize: 2,
      adapter,
    });
    await expect(judged).rejects.toThrow(NonFiniteError);
    await expect(judged).rejects.toMatchObject({ details: { file: "adds.onnx", tensor: "y", sample: 2, count: 1 } });
  });

  it("refuses an empty set, labels of several fields, and answers that are not one row a sample", async () => {
    const model = await adds(["n", 1], 0);
    const options = { task: "regression", labels: labelsOf([1, 1], [1]), adapter } as const;
    await expect(evaluateFile(model, dataOf([0, 1], []), options)).rejects.toThrow(/no sample/);
    const labels = fromArrays("two", [
      ["a", floats([1], [1])],
      ["b", floats([1], [1])],
    ]);
    await expect(evaluateFile(model, dataOf([1, 1], [1]), { ...options, labels })).rejects.toThrow(UsageError);
    await expect(evaluateFile(model, dataOf([1, 1], [1]), { ...options, labels })).rejects.toThrow(/fields a, b/);
    const sums = await onnxBytes(
      smallModel({
        nodes: [op("ReduceSum", ["x"], ["y"], { keepdims: 0n })],
        inputs: [["x", ["n", 2]]],
        outputs: [["y", []]],
        initializers: [],
      }),
    );
    const judged = evaluateFile(await openOnnx(fromBytes("sums.onnx", sums)), dataOf([1, 2], [1, 2]), options);
    await expect(judged).rejects.toThrow(/not one row each/);
  });

  it("makes tables and a page that holds no markup of the user's", async () => {
    const found = await evaluateFile(await adds(["n", 2], 0), dataOf([2, 2], [1, 0, 0, 1]), {
      task: "classification",
      labels: labelsOf([2], [0, 1]),
      options: { classNames: ["<b>cat", "dog"] },
      adapter,
    });
    const tables = evaluationTables(found.report);
    expect(tables.map(({ title }) => title)).toEqual(["Figures", "Classes"]);
    expect(tables[0]?.rows[0]?.slice(0, 2)).toEqual(["accuracy", "100.0 %"]);
    const page = evaluationPage({ model: "<i>.onnx", ...found });
    expect(page).toContain("&lt;b&gt;cat");
    expect(page).not.toMatch(/<b>cat|<i>\.onnx/);
  });
});
