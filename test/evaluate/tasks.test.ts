import { describe, expect, test } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import {
  evaluateOutputs,
  evaluationTasks,
  openEvaluator,
  type EvaluationTask,
  type TaskOptions,
} from "../../src/evaluate/evaluate-outputs.ts";
import type { EvaluationBatch, Truth } from "../../src/evaluate/tasks/batch.ts";
import type { OutputTensor } from "../../src/evaluate/tensors.ts";

const tensor = (dims: readonly number[], data: readonly number[]): OutputTensor => ({
  name: "logits",
  dims,
  data: Float64Array.from(data),
});
const truth = (dims: readonly number[], data: readonly number[]): Truth => ({ dims, data });
const quick = { resamples: 200 };

async function* streamed(batches: readonly EvaluationBatch[]): AsyncGenerator<EvaluationBatch> {
  yield* batches;
}

/** Random batches of a task: the original, and a noisy copy of it as the model. */
function randomBatches(task: EvaluationTask, count: number): EvaluationBatch[] {
  const random = seededRandom(5, task);
  const dims: Readonly<Record<EvaluationTask, readonly number[]>> = {
    classification: [6, 5],
    "language-model": [2, 7, 9],
    embedding: [4, 8],
    regression: [3, 2, 2],
    segmentation: [2, 3, 4, 4],
  };
  const truths: Readonly<Record<EvaluationTask, () => Truth>> = {
    classification: () => truth([6], ints(6, 5)),
    "language-model": () => truth([2, 7], ints(14, 9)),
    embedding: () => truth([2], [...random.uniforms(2)]),
    regression: () => truth([3, 2, 2], [...random.normals(12)]),
    segmentation: () => truth([2, 4, 4], ints(32, 3)),
  };
  const ints = (length: number, below: number): number[] => Array.from({ length }, () => random.int(0, below));
  return Array.from({ length: count }, () => {
    const original = tensor(dims[task], [...random.normals(dims[task].reduce((product, dim) => product * dim, 1))]);
    const output = { ...original, data: original.data.map((value) => value + random.normal(0, 0.3)) };
    return { output, original, truth: truths[task]() };
  });
}

function without(batch: EvaluationBatch, part: "truth" | "original"): EvaluationBatch {
  const { [part]: _left, ...rest } = batch;
  return rest;
}

describe.each(evaluationTasks)("%s", (task) => {
  const options: TaskOptions[EvaluationTask] = quick;

  test("the report survives JSON, streamed or not", async () => {
    const batches = randomBatches(task, 6);
    const report = await evaluateOutputs(task, streamed(batches), options);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(await evaluateOutputs(task, batches, options)).toEqual(report);
    expect(report.task).toBe(task);
    expect(report).toHaveProperty("model");
    expect(report).toHaveProperty("original");
    expect(report).toHaveProperty("agreement");
    expect(report).toHaveProperty("difference");
  });

  test("two halves merged give the figures of the whole", async () => {
    const batches = randomBatches(task, 6);
    const [first, second] = [openEvaluator(task, options), openEvaluator(task, options)];
    for (const [index, batch] of batches.entries()) (index < 4 ? first : second).add(batch);
    const late = openEvaluator(task, options);
    late.merge(first);
    late.merge(second);
    late.merge(openEvaluator(task, options));
    expect(rounded(late.result())).toEqual(rounded(await evaluateOutputs(task, batches, options)));
  });

  test("the original's answers alone, or the truth alone, are enough", async () => {
    const batches = randomBatches(task, 2);
    const alone = await evaluateOutputs(
      task,
      batches.map((batch) => without(batch, "truth")),
      options,
    );
    expect(alone).not.toHaveProperty("model");
    expect(alone).toHaveProperty("agreement");
    const judged = await evaluateOutputs(
      task,
      batches.map((batch) => without(batch, "original")),
      { intervals: "none" },
    );
    expect(judged).toHaveProperty("model");
    expect(judged).not.toHaveProperty("agreement");
    expect(JSON.stringify(judged)).not.toContain("resamples");
  });

  test("an identical copy agrees in everything", async () => {
    const batches = randomBatches(task, 3).map((batch) => Object.assign({}, batch, { output: batch.original }));
    const report: { difference?: object } = await evaluateOutputs(task, batches, options);
    expect(
      Object.values(report.difference ?? {}).filter((value) => value.excludesZero === true || value.pValue < 1),
    ).toEqual([]);
  });

  test("refuses no data, other shapes, mixed batches, and other evaluators", async () => {
    await expect(evaluateOutputs(task, [], options)).rejects.toThrow(UsageError);
    const [batch] = randomBatches(task, 1);
    if (!batch) throw new Error("no batch");
    const wrongs: EvaluationBatch[] = [
      { ...batch, output: { ...batch.output, data: batch.output.data.subarray(1) } },
      { ...batch, original: tensor([1, 2], [1, 2]) },
      { ...batch, truth: truth([1], [0]) },
      { ...batch, output: tensor([], [1]) },
    ];
    for (const wrong of wrongs) expect(() => openEvaluator(task, options).add(wrong)).toThrow(UsageError);
    const evaluator = openEvaluator(task, options);
    evaluator.add(batch);
    expect(() => evaluator.add({ output: batch.output })).toThrow(UsageError);
    const other = openEvaluator(task === "regression" ? "embedding" : "regression");
    expect(() => openEvaluator(task, options).merge(other as typeof evaluator)).toThrow(UsageError);
  });
});

/** Sums in another order differ in the last digits. */
const rounded = (report: unknown): unknown =>
  JSON.parse(JSON.stringify(report), (_, value: unknown) =>
    typeof value === "number" ? Number(value.toPrecision(9)) : value,
  );

test("an unknown task is named", () => {
  const task: string = "poetry";
  expect(() => openEvaluator(task as EvaluationTask)).toThrow(/no task "poetry"/);
  expect(() => openEvaluator("toString" as EvaluationTask)).toThrow(UsageError);
});

describe("classification", () => {
  const output = tensor([4, 3], [5, 1, 0, 0, 2, 1, 0, 1, 3, 4, 0, 0]);
  const original = tensor([4, 3], [5, 1, 0, 0, 2, 1, 0, 3, 1, 0, 4, 0]);

  test("figures and the comparison by hand", async () => {
    const report = await evaluateOutputs(
      "classification",
      [{ output, original, truth: truth([4, 1], [0, 1, 1, 1]) }],
      quick,
    );
    expect(report).toMatchObject({ samples: 4, classes: 3, scores: "logits" });
    expect(report.model).toMatchObject({ accuracy: 0.5, topK: [{ k: 1, accuracy: 0.5 }], nonFinite: 0 });
    expect(report.original?.accuracy).toBe(1);
    expect(report.difference?.mcnemar).toEqual({ onlyFirst: 2, onlySecond: 0, method: "exact", pValue: 0.5 });
    expect(report.difference?.accuracy).toMatchObject({ original: 1, compressed: 0.5, estimate: -0.5 });
    expect(report.agreement).toMatchObject({ sameTopClass: 0.5, compared: 4 });
    expect(report.model?.confusionMatrix).toEqual([
      [1, 0, 0],
      [1, 1, 1],
      [0, 0, 0],
    ]);
    expect(report.model?.mostConfused).toHaveLength(2);
    const loss = [5, 2, 1, 0].map(
      (score, sample) =>
        Math.log([...output.data.subarray(3 * sample, 3 * sample + 3)].reduce((sum, x) => sum + Math.exp(x), 0)) -
        score,
    );
    expect(report.model?.crossEntropy).toBeCloseTo(loss.reduce((sum, x) => sum + x, 0) / 4, 12);
    expect(report.warnings.join()).toMatch(/No sample is of class 2/);
  });

  test("one score a sample stands for two classes", async () => {
    const labels = truth([4], [0, 0, 1, 1]);
    const probabilities = tensor([4, 1], [0.1, 0.4, 0.35, 0.8]);
    const report = await evaluateOutputs("classification", [{ output: probabilities, truth: labels }], quick);
    expect(report).toMatchObject({
      classes: 2,
      scores: "probabilities",
      model: { accuracy: 0.75, rocAuc: { macro: 0.75 } },
    });
    const logits = tensor([4], [-2, -0.5, -0.6, 1.4]);
    const again = await evaluateOutputs("classification", [{ output: logits, truth: labels }], quick);
    expect(again).toMatchObject({ scores: "logits", model: { accuracy: 0.75, rocAuc: { macro: 0.75 } } });
  });

  test("NaN is wrong, counted and said", async () => {
    const bad = tensor([2, 2], [Number.NaN, 1, 0, 1]);
    const report = await evaluateOutputs(
      "classification",
      [{ output: bad, original: bad, truth: truth([2], [1, 1]) }],
      quick,
    );
    expect(report.model).toMatchObject({ accuracy: 0.5, nonFinite: 1 });
    expect(report.agreement?.compared).toBe(1);
    expect(report.warnings.join()).toContain("NaN or infinity for 1 of 2");
  });

  test("many classes go without AUC and matrix", async () => {
    const scores = Array.from({ length: 300 }, (_, index) => index % 7);
    const report = await evaluateOutputs(
      "classification",
      [{ output: tensor([2, 150], scores), truth: truth([2], [6, 149]) }],
      quick,
    );
    expect(report.model).not.toHaveProperty("rocAuc");
    expect(report.model).not.toHaveProperty("confusionMatrix");
    expect(report.model?.topK).toEqual([
      { k: 1, accuracy: 0.5 },
      { k: 5, accuracy: 0.5 },
    ]);
  });

  test("refuses labels and widths that do not fit", async () => {
    await expect(evaluateOutputs("classification", [{ output, truth: truth([4], [0, 1, 2, 3]) }])).rejects.toThrow(
      UsageError,
    );
    const evaluator = openEvaluator("classification");
    evaluator.add({ output });
    expect(() => evaluator.add({ output: tensor([1, 4], [1, 2, 3, 4]) })).toThrow(UsageError);
    expect(() => evaluator.add({ output: tensor([1, 2, 3], [1, 2, 3, 4, 5, 6]) })).toThrow(UsageError);
  });
});

describe("language model", () => {
  // A uniform model over four tokens, two sequences of three positions.
  const output = tensor(
    [2, 3, 4],
    Array.from({ length: 24 }, () => 0),
  );
  const ids = truth([2, 3], [0, 1, 2, 3, 2, 1]);

  test("position t is judged by token t + 1", async () => {
    const report = await evaluateOutputs("language-model", [{ output, truth: ids }], { ...quick, bytesPerToken: 2 });
    expect(report).toMatchObject({ sequences: 2, tokens: 4 });
    expect(report.model?.perplexity).toBeCloseTo(4, 12);
    expect(report.model?.bitsPerByte).toBeCloseTo(1, 12);
    expect(report.warnings).toHaveLength(1);
  });

  test("aligned truth, ignored tokens, bytes by token", async () => {
    const aligned = truth([2, 3], [0, -100, 2, 3, -100, 1]);
    const report = await evaluateOutputs("language-model", [{ output, truth: aligned }], {
      ...quick,
      truth: "aligned",
      bytesPerToken: [1, 1, 3, 3],
    });
    expect(report.tokens).toBe(4);
    expect(report.model?.bitsPerByte).toBeCloseTo((4 * 2) / 8, 12);
  });

  test("KL and the same top token by hand", async () => {
    const [sure, other] = [tensor([1, 2, 2], [Math.log(3), 0, 0, 5]), tensor([1, 2, 2], [0, 0, 5, 0])];
    const { agreement, tokens } = await evaluateOutputs("language-model", [{ output: other, original: sure }], quick);
    expect(tokens).toBe(2);
    expect(agreement?.sameTopToken).toBe(0.5);
    const first = 0.75 * Math.log(0.75 / 0.5) + 0.25 * Math.log(0.25 / 0.5);
    const p = 1 / (1 + Math.exp(-5));
    expect(agreement?.klDivergence).toBeCloseTo((first + (2 * p - 1) * 5) / 2, 12);
  });

  test("what the model rules out is null, not infinity", async () => {
    const masked = tensor([1, 2, 2], [Number.NEGATIVE_INFINITY, 0, 0, 0]);
    const fair = tensor([1, 2, 2], [0, 0, 0, 0]);
    const report = await evaluateOutputs(
      "language-model",
      [{ output: masked, original: fair, truth: truth([1, 2], [1, 0]) }],
      quick,
    );
    expect(report.model?.perplexity).toBeNull();
    expect(report.original?.perplexity).toBeCloseTo(2, 12);
    expect(report.agreement?.klDivergence).toBeNull();
    expect(report.difference).toEqual({});
  });

  test("refuses tokens that are not in the vocabulary, counts NaN", async () => {
    await expect(
      evaluateOutputs("language-model", [{ output, truth: truth([2, 3], [0, 4, 0, 0, 0, 0]) }]),
    ).rejects.toThrow(UsageError);
    const odd = tensor([1, 3, 2], [Number.NaN, 0, 0, 0, 0, 0]);
    const report = await evaluateOutputs("language-model", [{ output: odd, truth: truth([1, 3], [0, 1, 1]) }], quick);
    expect(report.tokens).toBe(1);
    expect(report.warnings.join()).toContain("at 1 of 2 positions");
  });
});

describe("embedding", () => {
  test("cosines, ranks, neighbours, and judgements", async () => {
    const original = tensor([4, 2], [1, 0, 1, 0.1, 0, 1, 1, 1]);
    const output = tensor([4, 2], [2, 0, 0, -1, 0, 3, 1, 1]);
    const report = await evaluateOutputs("embedding", [{ output, original, truth: truth([2], [0.9, 0.4]) }], quick);
    expect(report.agreement?.meanCosine).toBeCloseTo((1 - 0.1 / Math.sqrt(1.01) + 1 + 1) / 4, 12);
    expect(report.agreement?.minCosine).toBeCloseTo(-0.1 / Math.sqrt(1.01), 12);
    // Neighbours before: 1, 0, 3, 1. After: 3, 0, 3, 0.
    expect(report.agreement?.sameNeighbour).toBe(0.5);
    expect(report.original?.rankCorrelation).toBe(1);
    expect(report.model?.rankCorrelation).toBe(-1);
  });

  test("a choice of vectors repeats by seed", async () => {
    const batches = randomBatches("embedding", 10);
    const some = { ...quick, maxVectors: 12 };
    const report = await evaluateOutputs("embedding", batches, some);
    expect(report.agreement?.vectors).toBe(12);
    expect(await evaluateOutputs("embedding", batches, some)).toEqual(report);
    await expect(evaluateOutputs("embedding", [{ output: tensor([1, 2], [1, Number.NaN]) }])).rejects.toThrow(
      UsageError,
    );
  });
});

describe("regression", () => {
  test("by hand", async () => {
    const report = await evaluateOutputs(
      "regression",
      [
        {
          output: tensor([2, 2], [1, 2, 3, 5]),
          original: tensor([2, 2], [1, 2, 3, 4]),
          truth: truth([2, 2], [1, 2, 3, 4]),
        },
      ],
      { ...quick, peak: 10 },
    );
    expect(report.model).toMatchObject({ mse: 0.25, mae: 0.25, peak: 10 });
    expect(report.model?.psnrDb).toBeCloseTo(10 * Math.log10(400), 12);
    expect(report.original).toMatchObject({ mse: 0, psnrDb: null });
    expect(report.difference?.mse).toMatchObject({ original: 0, compressed: 0.25 });
    const odd = await evaluateOutputs(
      "regression",
      [{ output: tensor([1, 2], [Number.NaN, 1]), truth: truth([1, 2], [1, 1]) }],
      quick,
    );
    expect(odd.warnings.join()).toContain("1 of 2 elements");
  });
});

describe("segmentation", () => {
  const labels = truth([1, 2, 2], [0, 1, 1, 255]);
  // Two classes: pixels 0, 1, 0, 1.
  const scores = [1, 0, 1, 0, 0, 1, 0, 1];

  test("both layouts, ignored pixels, by hand", async () => {
    const report = await evaluateOutputs(
      "segmentation",
      [{ output: tensor([1, 2, 2, 2], scores), truth: labels }],
      quick,
    );
    expect(report.model).toMatchObject({ pixels: 3, pixelAccuracy: 2 / 3, meanIou: 0.5 });
    const last = tensor([1, 2, 2, 2], [1, 0, 0, 1, 1, 0, 0, 1]);
    const again = await evaluateOutputs("segmentation", [{ output: last, truth: labels }], {
      ...quick,
      layout: "NHWC",
    });
    expect(again).toEqual(report);
  });

  test("agreement with the original, NaN, and pixels that are all ignored", async () => {
    const output = tensor([1, 2, 2, 2], [Number.NaN, ...scores.slice(1)]);
    const report = await evaluateOutputs(
      "segmentation",
      [{ output, original: tensor([1, 2, 2, 2], scores), truth: labels }],
      quick,
    );
    expect(report.agreement?.samePixels).toBe(0.75);
    expect(report.warnings.join()).toContain("NaN for 1 pixels");
    const none = truth([1, 2, 2], [255, 255, 255, 255]);
    await expect(evaluateOutputs("segmentation", [{ output, truth: none }])).rejects.toThrow(UsageError);
    await expect(evaluateOutputs("segmentation", [{ output, truth: truth([1, 2, 2], [0, 1, 2, 0]) }])).rejects.toThrow(
      /Label 2/,
    );
  });
});
