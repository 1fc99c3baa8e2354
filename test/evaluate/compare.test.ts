import { array, assert, double, property, tuple } from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { compareOutput, compareOutputs, outputsComparer } from "../../src/evaluate/compare.ts";
import type { OutputTensor } from "../../src/evaluate/tensors.ts";

const tensor = (name: string, dims: number[], values: number[]): OutputTensor => ({
  name,
  dims,
  data: Float32Array.from(values),
});

describe("compareOutput", () => {
  test("figures of a small case worked out by hand", () => {
    const result = compareOutput(tensor("y", [4], [3, -4, 0, 0]), tensor("y", [4], [3, -3, 0, 0]));
    expect(result).toMatchObject({ count: 4, maxAbsError: 1, meanAbsError: 0.25, maxRelativeError: 0.25 });
    expect(result.relativeError).toBeCloseTo(0.2, 12);
    expect(result.cosine).toBeCloseTo(21 / (5 * Math.sqrt(18)), 12);
    expect(result.sqnrDb).toBeCloseTo(10 * Math.log10(25), 10);
    expect(result.classes).toBeUndefined();
  });

  test("equal outputs are exact", () => {
    const output = tensor("y", [3], [1, -2, 3]);
    expect(compareOutput(output, output)).toMatchObject({
      maxAbsError: 0,
      relativeError: 0,
      cosine: 1,
      sqnrDb: Number.POSITIVE_INFINITY,
    });
  });

  test("all zero, one zero, and empty outputs", () => {
    const zero = tensor("y", [2], [0, 0]);
    const one = tensor("y", [2], [1, 1]);
    expect(compareOutput(zero, zero)).toMatchObject({ cosine: 1, relativeError: 0, maxRelativeError: 0 });
    expect(compareOutput(zero, one)).toMatchObject({ cosine: 0, relativeError: Number.POSITIVE_INFINITY });
    expect(compareOutput(zero, one).sqnrDb).toBe(Number.NEGATIVE_INFINITY);
    expect(compareOutput(tensor("y", [0], []), tensor("y", [0], []))).toMatchObject({ count: 0, meanAbsError: 0 });
  });

  test("NaN and infinity are counted and left out", () => {
    const a = tensor("y", [4], [1, Number.NaN, 2, 3]);
    const b = tensor("y", [4], [1, 1, Number.POSITIVE_INFINITY, 3]);
    expect(compareOutput(a, b)).toMatchObject({ nonFiniteA: 1, nonFiniteB: 1, maxAbsError: 0, cosine: 1 });
  });

  test("different shapes are refused", () => {
    expect(() => compareOutput(tensor("y", [2], [1, 2]), tensor("y", [1, 2], [1, 2]))).toThrow(UsageError);
    expect(() => compareOutput(tensor("y", [3], [1, 2]), tensor("y", [3], [1, 2]))).toThrow(UsageError);
  });

  test("cosine and SQNR ignore a common scale", () => {
    const values = array(tuple(double({ min: -9, max: 9, noNaN: true }), double({ min: -9, max: 9, noNaN: true })), {
      minLength: 1,
    });
    assert(
      property(values, (pairs) => {
        const make = (side: 0 | 1, factor: number): OutputTensor => ({
          name: "y",
          dims: [pairs.length],
          data: Float64Array.from(pairs, (pair) => Math.fround(pair[side]) * factor),
        });
        const plain = compareOutput(make(0, 1), make(1, 1));
        const scaled = compareOutput(make(0, 1024), make(1, 1024));
        return (
          Math.abs(plain.cosine - scaled.cosine) < 1e-9 &&
          plain.cosine <= 1 &&
          (plain.sqnrDb === scaled.sqnrDb || Math.abs(plain.sqnrDb - scaled.sqnrDb) < 1e-9)
        );
      }),
    );
  });
});

describe("classes", () => {
  test("KL of logits equals the hand-worked value", () => {
    // softmax(0, ln 3) = (1/4, 3/4); softmax(0, 0) = (1/2, 1/2)
    const a: OutputTensor = { name: "logits", dims: [1, 2], data: Float64Array.of(0, Math.log(3)) };
    const b = tensor("logits", [1, 2], [0, 0]);
    const expected = 0.25 * Math.log(0.5) + 0.75 * Math.log(1.5);
    const { classes } = compareOutput(a, b);
    expect(classes?.klDivergence).toBeCloseTo(expected, 12);
    expect(classes).toMatchObject({ classes: 2, rows: 1, kind: "logits", top1Agreement: 0 });
    expect(classes?.top5Agreement).toBeUndefined();
  });

  test("logits may be shifted by any constant", () => {
    const a = tensor("logits", [2, 3], [1, 2, 3, 300, 200, 100]);
    const b = tensor("logits", [2, 3], [1001, 1002, 1003, 0, -100, -200]);
    expect(compareOutput(a, b).classes?.klDivergence).toBeCloseTo(0, 12);
    expect(compareOutput(a, b).classes?.top1Agreement).toBe(1);
  });

  test("probabilities are found by their sum, whatever the name", () => {
    const a = tensor("out", [2, 2], [0.25, 0.75, 1, 0]);
    const b = tensor("out", [2, 2], [0.5, 0.5, 1, 0]);
    const { classes } = compareOutput(a, b);
    expect(classes?.kind).toBe("probabilities");
    expect(classes?.klDivergence).toBeCloseTo((0.25 * Math.log(0.5) + 0.75 * Math.log(1.5)) / 2, 6);
    expect(classes?.maxKlDivergence).toBeCloseTo(0.25 * Math.log(0.5) + 0.75 * Math.log(1.5), 6);
    expect(classes?.top1Agreement).toBe(0.5); // the tie goes to the lower class
  });

  test("top 5 counts a's best among b's five best", () => {
    const a = tensor("logits", [2, 7], [9, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0]);
    const b = tensor("logits", [2, 7], [3, 9, 8, 7, 6, 1, 1, 3, 9, 8, 7, 6, 5, 1]);
    expect(compareOutput(a, b).classes).toMatchObject({ top1Agreement: 0, top5Agreement: 0.5 });
  });

  test("an underflowed probability does not make KL infinite", () => {
    const { classes } = compareOutput(tensor("p", [1, 2], [0.5, 0.5]), tensor("p", [1, 2], [1, 0]));
    expect(classes?.klDivergence).toBeGreaterThan(5);
    expect(Number.isFinite(classes?.klDivergence)).toBe(true);
  });

  test("features are not taken for classes; the caller can say otherwise", () => {
    const a = tensor("hidden", [1, 3], [1, 2, 3]);
    expect(compareOutput(a, a).classes).toBeUndefined();
    expect(compareOutput(a, a, { classes: "always" }).classes?.top1Agreement).toBe(1);
    const named = tensor("logits", [1, 3], [1, 2, 3]);
    expect(compareOutput(named, named, { classes: "never" }).classes).toBeUndefined();
    expect(compareOutput(tensor("prob", [3, 1], [1, 1, 1]), tensor("prob", [3, 1], [1, 1, 1])).classes).toBeUndefined();
  });
});

describe("compareOutputs", () => {
  test("pairs by name and reports what has no partner", () => {
    const result = compareOutputs(
      [tensor("x", [1], [1]), tensor("gone", [1], [1])],
      [tensor("new", [1], [1]), tensor("x", [1], [2])],
    );
    expect(result.outputs.map((output) => output.name)).toEqual(["x"]);
    expect(result.onlyInA).toEqual(["gone"]);
    expect(result.onlyInB).toEqual(["new"]);
    expect(result.warnings).toHaveLength(2);
  });

  test("says in which model NaN appeared", () => {
    const bad = tensor("x", [2], [1, Number.NaN]);
    const good = tensor("x", [2], [1, 1]);
    expect(compareOutputs([good], [bad]).warnings[0]).toMatch(/second model \(1 of 2/);
    expect(compareOutputs([bad], [good]).warnings[0]).toMatch(/first model .* give real ones/);
    expect(compareOutputs([bad], [bad]).warnings[0]).toMatch(/both models/);
  });

  test("several runs count as one long output", () => {
    const [a1, a2] = [tensor("logits", [1, 3], [1, 2, 3]), tensor("logits", [1, 3], [3, 0, 0])];
    const [b1, b2] = [tensor("logits", [1, 3], [1, 2, 2.5]), tensor("logits", [1, 3], [0, 1, 0])];
    const comparer = outputsComparer();
    comparer.add([a1], [b1]);
    comparer.add([a2], [b2]);
    const [runs] = comparer.result().outputs;
    const whole = compareOutput(
      tensor("logits", [2, 3], [...a1.data, ...a2.data]),
      tensor("logits", [2, 3], [...b1.data, ...b2.data]),
    );
    expect(runs).toEqual({ ...whole, dims: [1, 3] });
    expect(runs?.classes?.top1Agreement).toBe(0.5);
  });
});
