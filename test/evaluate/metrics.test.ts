import { array, assert, constantFrom, double, integer, property, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { CalibrationError } from "../../src/evaluate/metrics/calibration-error.ts";
import { ConfusionMatrix, noClass } from "../../src/evaluate/metrics/confusion.ts";
import { cosineSimilarity, nearestNeighbours, pairSimilarities } from "../../src/evaluate/metrics/embedding.ts";
import { imbalanceWarnings } from "../../src/evaluate/metrics/imbalance.ts";
import { TokenLosses, tokenLoss } from "../../src/evaluate/metrics/language-model.ts";
import { meanRanks, spearman } from "../../src/evaluate/metrics/rank-correlation.ts";
import { RegressionErrors } from "../../src/evaluate/metrics/regression.ts";
import { OneVsRestRocAuc, rocAuc } from "../../src/evaluate/metrics/roc-auc.ts";
import {
  isDistribution,
  klDivergence,
  logProbabilities,
  rankOf,
  rowsAreProbabilities,
} from "../../src/evaluate/metrics/scores.ts";
import { segmentationFigures } from "../../src/evaluate/metrics/segmentation.ts";
import { TopKAccuracy } from "../../src/evaluate/metrics/top-k.ts";

const row = (...values: number[]): Float64Array => Float64Array.from(values);

/** Labels 0 0 0 0 1 1 2, predicted 0 0 1 2 1 1 0. */
function confused(): ConfusionMatrix {
  const matrix = new ConfusionMatrix(4);
  const [labels, predictions] = [
    [0, 0, 0, 0, 1, 1, 2],
    [0, 0, 1, 2, 1, 1, 0],
  ];
  for (const [index, label] of labels.entries()) matrix.add(label, predictions[index] ?? 0);
  return matrix;
}

describe("scores", () => {
  test("log-probabilities of logits are exact where a probability underflows", () => {
    const logs = logProbabilities(row(0, -2000, Math.log(3)), "logits");
    expect(logs[0]).toBeCloseTo(-Math.log(4), 14);
    expect(logs[1]).toBeCloseTo(-2000 - Math.log(4), 10);
    expect(logProbabilities(row(1e30, 0), "logits")[0]).toBe(0);
  });

  test("probabilities are scaled to 1; an all-zero row is uniform", () => {
    expect([...logProbabilities(row(1, 3), "probabilities")]).toEqual([Math.log(0.25), Math.log(0.75)]);
    expect([...logProbabilities(row(0, 0), "probabilities")]).toEqual([Math.log(0.5), Math.log(0.5)]);
  });

  test("KL by hand, 0 for equals, infinite where ruled out", () => {
    const [p, q] = [row(Math.log(0.5), Math.log(0.5)), row(Math.log(0.9), Math.log(0.1))];
    expect(klDivergence(p, q)).toBeCloseTo(0.5 * Math.log(0.5 / 0.9) + 0.5 * Math.log(0.5 / 0.1), 14);
    expect(klDivergence(q, q)).toBe(0);
    expect(klDivergence(p, row(0, Number.NEGATIVE_INFINITY))).toBe(Number.POSITIVE_INFINITY);
    expect(klDivergence(row(0, Number.NEGATIVE_INFINITY), p)).toBeCloseTo(Math.LN2, 14);
  });

  test("KL is never negative", () => {
    const logits = array(double({ min: -30, max: 30, noNaN: true }), { minLength: 4, maxLength: 4 });
    assert(
      property(logits, logits, (a, b) => {
        const divergence = klDivergence(logProbabilities(row(...a), "logits"), logProbabilities(row(...b), "logits"));
        return divergence >= 0 && Number.isFinite(divergence);
      }),
    );
  });

  test("masked classes are allowed, NaN and infinity are not", () => {
    expect(isDistribution(row(1, Number.NEGATIVE_INFINITY))).toBe(true);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) expect(isDistribution(row(1, bad))).toBe(false);
    expect(isDistribution(row(Number.NEGATIVE_INFINITY))).toBe(false);
    expect(rowsAreProbabilities(row(0.2, 0.8, 0.5, 0.5), 2)).toBe(true);
    expect(rowsAreProbabilities(row(0.2, 0.9), 2)).toBe(false);
  });
});

describe("ConfusionMatrix", () => {
  test("figures by hand", () => {
    const { accuracy, balancedAccuracy, precision, recall, f1, perClass } = confused().figures();
    expect(accuracy).toBeCloseTo(4 / 7, 14);
    expect(balancedAccuracy).toBeCloseTo((2 / 4 + 2 / 2 + 0) / 3, 14);
    expect(perClass).toEqual([
      { class: 0, support: 4, predicted: 3, right: 2, precision: 2 / 3, recall: 0.5, f1: 4 / 7 },
      { class: 1, support: 2, predicted: 3, right: 2, precision: 2 / 3, recall: 1, f1: 0.8 },
      { class: 2, support: 1, predicted: 1, right: 0, precision: 0, recall: 0, f1: 0 },
    ]);
    expect(precision.macro).toBeCloseTo(4 / 9, 14);
    expect(precision.weighted).toBeCloseTo((4 * (2 / 3) + 2 * (2 / 3)) / 7, 14);
    expect(f1.macro).toBeCloseTo((4 / 7 + 0.8) / 3, 14);
    expect(f1.weighted).toBeCloseTo((4 * (4 / 7) + 2 * 0.8) / 7, 14);
    for (const { micro } of [precision, recall, f1]) expect(micro).toBeCloseTo(4 / 7, 14);
  });

  test("rows are labels", () => {
    expect(confused().matrix()).toEqual([
      [2, 1, 1, 0],
      [0, 2, 0, 0],
      [1, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
  });

  test("a sample without a prediction costs recall, not precision", () => {
    const matrix = new ConfusionMatrix(2);
    matrix.add(0, 0);
    matrix.add(0, noClass);
    const figures = matrix.figures();
    expect(figures.accuracy).toBe(0.5);
    expect(figures.perClass).toEqual([
      { class: 0, support: 2, predicted: 1, right: 1, precision: 1, recall: 0.5, f1: 2 / 3 },
    ]);
    expect(figures.precision.micro).toBe(1);
    expect(matrix.matrix()).toEqual([
      [1, 0],
      [0, 0],
    ]);
  });

  test("halves merged equal the whole; thousands of classes are cheap", () => {
    const random = seededRandom(4);
    const [whole, first, second] = [0, 1, 2].map(() => new ConfusionMatrix(6625)) as [
      ConfusionMatrix,
      ConfusionMatrix,
      ConfusionMatrix,
    ];
    for (let sample = 0; sample < 500; sample++) {
      const pair = [random.int(0, 6625), random.int(-1, 6625)] as const;
      whole.add(...pair);
      (sample % 2 === 0 ? first : second).add(...pair);
    }
    first.merge(second);
    expect(first.pairs()).toEqual(whole.pairs());
    expect(first.figures()).toEqual(whole.figures());
  });

  test("refuses what is no class", () => {
    const matrix = new ConfusionMatrix(3);
    for (const [label, predicted] of [
      [3, 0],
      [-1, 0],
      [0.5, 0],
      [0, 3],
      [0, -2],
      [Number.NaN, 0],
    ] as const) {
      expect(() => matrix.add(label, predicted)).toThrow(UsageError);
    }
    expect(() => matrix.merge(new ConfusionMatrix(4))).toThrow(UsageError);
    expect(() => new ConfusionMatrix(0)).toThrow(UsageError);
  });

  test("micro precision, recall and F1 are the accuracy; all figures lie in 0 to 1", () => {
    const pairs = array(tuple(integer({ min: 0, max: 4 }), integer({ min: 0, max: 4 })), { minLength: 1 });
    assert(
      property(pairs, (samples) => {
        const matrix = new ConfusionMatrix(5);
        for (const [label, predicted] of samples) matrix.add(label, predicted);
        const { accuracy, precision, recall, f1, balancedAccuracy } = matrix.figures();
        for (const { micro, macro, weighted } of [precision, recall, f1]) {
          expect(micro).toBeCloseTo(accuracy, 12);
          for (const value of [macro, weighted]) expect(value).toBeGreaterThanOrEqual(0);
          for (const value of [macro, weighted]) expect(value).toBeLessThanOrEqual(1 + 1e-12);
        }
        expect(recall.weighted).toBeCloseTo(accuracy, 12);
        expect(balancedAccuracy).toBeLessThanOrEqual(1 + 1e-12);
      }),
      { numRuns: 100 },
    );
  });
});

describe("TopKAccuracy", () => {
  test("counts ranks; of equal scores the lower class comes first; NaN is wrong", () => {
    const top = new TopKAccuracy([1, 2, 9]);
    expect(top.add(row(0.1, 0.7, 0.2), 1)).toBe(0);
    expect(top.add(row(0.1, 0.7, 0.2), 2)).toBe(1);
    expect(top.add(row(5, 5, 5), 2)).toBe(2);
    expect(top.add(row(1, Number.NaN, 0), 0)).toBe(3);
    expect(top.result()).toEqual([
      { k: 1, accuracy: 0.25 },
      { k: 2, accuracy: 0.5 },
      { k: 9, accuracy: 0.75 },
    ]);
    expect(rankOf(row(5, 5, 5), 0)).toBe(0);
  });

  test("merges, and refuses labels and k that are none", () => {
    const [a, b] = [new TopKAccuracy([1]), new TopKAccuracy([1])];
    a.add(row(1, 0), 0);
    b.add(row(1, 0), 1);
    a.merge(b);
    expect(a.result()).toEqual([{ k: 1, accuracy: 0.5 }]);
    expect(new TopKAccuracy([1]).result()).toEqual([{ k: 1, accuracy: 0 }]);
    expect(() => a.add(row(1, 0), 2)).toThrow(UsageError);
    expect(() => a.merge(new TopKAccuracy([2]))).toThrow(UsageError);
    expect(() => new TopKAccuracy([0])).toThrow(UsageError);
  });
});

const auc = (scores: readonly number[], positives: readonly number[]) =>
  rocAuc(scores, (index) => positives[index] === 1);

describe("rocAuc", () => {
  test("by hand", () => {
    expect(auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75);
    expect(auc([1, 2, 3], [0, 0, 1])).toBe(1);
    expect(auc([3, 2, 1], [0, 0, 1])).toBe(0);
    expect(auc([1, 1, 1, 1], [0, 1, 0, 1])).toBe(0.5);
    expect(auc([1, 2], [1, 1])).toBeUndefined();
    expect(auc([], [])).toBeUndefined();
    expect(() => auc([Number.NaN, 1], [0, 1])).toThrow(UsageError);
  });

  test("equals the count over all pairs, ties half", () => {
    assert(
      property(array(tuple(integer({ min: 0, max: 5 }), constantFrom(0, 1))), (samples) => {
        let [pairs, won] = [0, 0];
        for (const [score, isPositive] of samples) {
          for (const [other, otherPositive] of samples) {
            if (isPositive !== 1 || otherPositive !== 0) continue;
            pairs++;
            won += score > other ? 1 : score === other ? 0.5 : 0;
          }
        }
        const [scores, positives] = [samples.map(([score]) => score), samples.map(([, positive]) => positive)];
        expect(auc(scores, positives)).toBe(pairs === 0 ? undefined : won / pairs);
      }),
    );
  });

  test("one against the rest, merged from halves", () => {
    const rows = [row(0.8, 0.1, 0.1), row(0.3, 0.4, 0.3), row(0.2, 0.2, 0.6), row(0.5, 0.1, 0.4)];
    const labels = [0, 1, 2, 2];
    const [first, second] = [new OneVsRestRocAuc(3), new OneVsRestRocAuc(3)];
    for (const [index, scores] of rows.entries()) (index < 2 ? first : second).add(scores, labels[index] ?? 0);
    first.merge(second);
    expect(first.result()).toEqual({ macro: 1, perClass: [1, 1, 1] });
    first.add(row(0.9, 0.05, 0.05), 1);
    // Class 0: 0.8 against 0.3, 0.2, 0.5 and 0.9. Class 1: 0.4 and 0.05 against 0.1, 0.2 and 0.1.
    expect(first.result().perClass.slice(0, 2)).toEqual([3 / 4, 3 / 6]);
    expect(() => first.add(row(1, 0), 0)).toThrow(UsageError);
  });

  test("two classes: the AUC of class 1", () => {
    const two = new OneVsRestRocAuc(2);
    for (const [score, label] of [
      [0.1, 0],
      [0.4, 0],
      [0.35, 1],
      [0.8, 1],
    ] as const) {
      two.add(row(1 - score, score), label);
    }
    expect(two.result().macro).toBe(0.75);
  });
});

describe("CalibrationError", () => {
  test("by hand, and merged from halves", () => {
    const [first, second] = [new CalibrationError(4), new CalibrationError(4)];
    first.add(0.25, true); // the bin's upper edge belongs to it
    first.add(0.26, false);
    second.add(0.9, true);
    second.add(0.8, false);
    first.merge(second);
    const { expected, maximum, bins } = first.result();
    expect(bins.map((bin) => bin.count)).toEqual([1, 1, 0, 2]);
    expect(expected).toBeCloseTo((0.75 + 0.26 + 2 * 0.35) / 4, 14);
    expect(maximum).toBe(0.75);
  });

  test("0 and 1 have bins, and nothing else is a probability", () => {
    const error = new CalibrationError();
    error.add(0, false);
    error.add(1, true);
    error.add(1.0000001, true);
    expect(error.result()).toMatchObject({ expected: expect.closeTo(0, 6) });
    expect(error.result().bins.at(-1)?.count).toBe(2);
    for (const wrong of [Number.NaN, -0.1, 2]) expect(() => error.add(wrong, true)).toThrow(UsageError);
    expect(new CalibrationError().result().expected).toBe(0);
  });
});

describe("RegressionErrors", () => {
  test("by hand", () => {
    const errors = new RegressionErrors();
    expect(errors.add([1, 2, 4], [1, 4, 3])).toBeCloseTo(5 / 3, 14);
    const { mse, rmse, mae, maxAbsError, psnrDb, peak, r2 } = errors.result();
    expect([mse, mae, maxAbsError, peak]).toEqual([5 / 3, 1, 2, 3]);
    expect(rmse).toBeCloseTo(Math.sqrt(5 / 3), 14);
    expect(psnrDb).toBeCloseTo(10 * Math.log10(9 / (5 / 3)), 12);
    expect(r2).toBeCloseTo(1 - 5 / (14 / 3), 12);
  });

  test("a given peak, equal values, constant targets, values that are not finite", () => {
    const given = new RegressionErrors(255);
    given.add([10], [20]);
    expect(given.result().psnrDb).toBeCloseTo(10 * Math.log10(255 ** 2 / 100), 12);
    expect(given.result().r2).toBeUndefined();
    const equal = new RegressionErrors();
    equal.add([1, 2], [1, 2]);
    expect(equal.result()).toMatchObject({ mse: 0, psnrDb: undefined, r2: 1 });
    const odd = new RegressionErrors();
    expect(odd.add([Number.NaN], [1])).toBeNaN();
    odd.add([1, Number.POSITIVE_INFINITY, 3], [1, 1, Number.NaN]);
    expect(odd.result()).toMatchObject({ count: 1, nonFinite: 3, mse: 0 });
  });

  test("halves merged equal the whole, far from 0 too", () => {
    const random = seededRandom(9);
    const [targets, noise] = [random.normals(400, 1e6, 3), random.normals(400)];
    const answers = targets.map((value, index) => value + (noise[index] ?? 0));
    const [whole, first, second] = [new RegressionErrors(), new RegressionErrors(), new RegressionErrors()];
    whole.add(answers, targets);
    first.add(answers.subarray(0, 150), targets.subarray(0, 150));
    second.add(answers.subarray(150), targets.subarray(150));
    first.merge(second);
    const [merged, direct] = [first.result(), whole.result()];
    expect(merged.r2).toBeCloseTo(direct.r2 ?? 0, 9);
    expect(merged.r2).toBeCloseTo(1 - 1 / 9, 1);
    expect({ ...merged, r2: 0, mse: 0, rmse: 0, mae: 0, psnrDb: 0 }).toEqual({
      ...direct,
      r2: 0,
      mse: 0,
      rmse: 0,
      mae: 0,
      psnrDb: 0,
    });
    for (const figure of ["mse", "rmse", "mae"] as const) expect(merged[figure]).toBeCloseTo(direct[figure], 12);
    const empty = new RegressionErrors();
    empty.merge(new RegressionErrors());
    expect(empty.result()).toMatchObject({ count: 0, mse: 0, psnrDb: undefined });
  });
});

describe("TokenLosses", () => {
  test("by hand", () => {
    expect(tokenLoss(row(0, 0, 0, 0), 2)).toBeCloseTo(Math.log(4), 14);
    const losses = new TokenLosses();
    losses.add(3 * Math.LN2, 2, 6);
    const more = new TokenLosses();
    more.add(Math.LN2, 2, 2);
    losses.merge(more);
    const figures = losses.result();
    expect(figures.tokens).toBe(4);
    expect(figures.perplexity).toBeCloseTo(2, 14);
    expect(figures.bitsPerToken).toBeCloseTo(1, 14);
    expect(figures.bitsPerByte).toBeCloseTo(0.5, 14);
    losses.add(1, 1);
    expect(losses.result().bitsPerByte).toBeUndefined();
    expect(new TokenLosses().result()).toMatchObject({ tokens: 0, crossEntropy: 0 });
  });
});

describe("rank correlation and embeddings", () => {
  test("Spearman as SciPy has it, ties included", () => {
    expect([...meanRanks([3, 1, 4, 4, 9, 2])]).toEqual([3, 1, 4.5, 4.5, 6, 2]);
    expect(spearman([1, 2, 2, 3, 5, 0], [3, 1, 4, 4, 9, 2])).toBeCloseTo(0.7205882352941176, 12);
    expect(spearman([1, 2, 3], [3, 2, 1])).toBe(-1);
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeUndefined();
    expect(spearman([1], [1])).toBeUndefined();
  });

  test("any growing map leaves it as it is", () => {
    const values = array(integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 20 });
    assert(
      property(values, (x) => {
        const y = x.map((value, index) => value + ((index * 7) % 5));
        const direct = spearman(x, y);
        const mapped = spearman(
          x.map((value) => Math.exp(value / 10)),
          y,
        );
        if (direct === undefined) expect(mapped).toBeUndefined();
        else expect(mapped).toBeCloseTo(direct, 12);
      }),
    );
  });

  test("cosine, pairs and neighbours", () => {
    expect(cosineSimilarity(row(1, 0), row(1, 1))).toBeCloseTo(Math.SQRT1_2, 14);
    expect(cosineSimilarity(row(1, 2), row(-2, -4))).toBeCloseTo(-1, 14);
    expect(cosineSimilarity(row(0, 0), row(1, 1))).toBe(0);
    const pairs = pairSimilarities([row(1, 0), row(0, 1), row(1, 0.1)]);
    expect([...pairs].map((value) => Number(value.toFixed(4)))).toEqual([0, 0.995, 0.0995]);
    expect([...nearestNeighbours(3, pairs)]).toEqual([2, 2, 0]);
    expect([...nearestNeighbours(1, pairSimilarities([row(1)]))]).toEqual([-1]);
  });
});

describe("segmentationFigures", () => {
  test("by hand", () => {
    const { pixelAccuracy, meanIou, frequencyWeightedIou, meanAccuracy, perClass } = segmentationFigures(
      confused().pairs(),
    );
    expect(perClass).toEqual([
      { class: 0, pixels: 4, iou: 2 / 5 },
      { class: 1, pixels: 2, iou: 2 / 3 },
      { class: 2, pixels: 1, iou: 0 },
    ]);
    expect(pixelAccuracy).toBeCloseTo(4 / 7, 14);
    expect(meanAccuracy).toBeCloseTo(0.5, 14);
    expect(meanIou).toBeCloseTo((2 / 5 + 2 / 3) / 3, 14);
    expect(frequencyWeightedIou).toBeCloseTo((4 * (2 / 5) + 2 * (2 / 3)) / 7, 14);
    expect(segmentationFigures([])).toMatchObject({ pixels: 0, meanIou: 0 });
  });
});

describe("imbalanceWarnings", () => {
  test("even classes are no matter", () => {
    expect(imbalanceWarnings([100, 90, 110], 0.9)).toEqual([]);
    expect(imbalanceWarnings([], undefined)).toEqual([]);
  });

  test("names empty, scarce and outweighing classes, and an accuracy that is none", () => {
    const warnings = imbalanceWarnings([900, 5, 0, 95], 0.9, { classNames: ["ham", "spam"] });
    expect(warnings).toHaveLength(4);
    expect(warnings[0]).toContain("No sample is of class 2");
    expect(warnings[1]).toContain("Fewer than 10 samples are of spam");
    expect(warnings[2]).toContain("Always answering ham would be right for 90.0 %");
    expect(warnings[3]).toContain("no better than always answering ham");
    expect(imbalanceWarnings([900, 95], 0.95)).toEqual([]);
  });
});
