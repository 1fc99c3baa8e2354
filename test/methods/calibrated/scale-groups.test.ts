import { expect, it } from "vitest";
import type { OnnxNode } from "../../../src/formats/onnx/ir.ts";
import { findScaleGroups } from "../../../src/methods/calibrated/scale-groups.ts";
import { prepareHessian } from "../../../src/methods/calibrated/hessian.ts";
import { matrixView } from "../../../src/methods/calibrated/gptq-steps.ts";
import { NonFiniteError, UsageError } from "../../../src/base/errors.ts";
import { op, randomTensor, smallModel } from "../../support/onnx-models.ts";

const modelOf = (nodes: readonly OnnxNode[], outputs: readonly string[] = ["y"]) =>
  smallModel({
    nodes,
    inputs: [["x", ["rows", 8]]],
    outputs: outputs.map((name) => [name, ["rows", 8]] as const),
    initializers: [
      randomTensor("a", [8, 8]),
      randomTensor("b", [8, 8]),
      randomTensor("scale", [8]),
      randomTensor("shift", [8]),
      randomTensor("one", [1]),
    ],
  });

const names = (parts: readonly { readonly tensor: { readonly name: string } }[]): string[] =>
  parts.map(({ tensor }) => tensor.name);

it("folds into a scale and a shift before a product", () => {
  const { groups, refused } = findScaleGroups(
    modelOf([op("Mul", ["x", "scale"], ["m"]), op("Add", ["m", "shift"], ["s"]), op("MatMul", ["s", "a"], ["y"])]),
  );
  expect(refused).toEqual([]);
  expect(groups.map(({ input, weights, sources }) => [input, names(weights), names(sources)])).toEqual([
    ["s", ["a"], ["scale", "shift"]],
  ]);
});

it("folds into the columns of the product before, through a relu", () => {
  const { groups } = findScaleGroups(
    modelOf([op("MatMul", ["x", "a"], ["h"]), op("Relu", ["h"], ["r"]), op("MatMul", ["r", "b"], ["y"])]),
  );
  const [group] = groups;
  expect(names(group?.sources ?? [])).toEqual(["a"]);
  expect(group?.sources[0]?.axis).toEqual({ channels: 8, inner: 1 });
  expect(group?.weights[0]?.axis).toEqual({ channels: 8, inner: 8 });
});

it.each<[string, readonly OnnxNode[], readonly string[], string]>([
  ["an input of the graph", [op("MatMul", ["x", "a"], ["y"])], ["y"], "input of the graph"],
  [
    "a value that something else reads",
    [op("Mul", ["x", "scale"], ["m"]), op("MatMul", ["m", "a"], ["h"]), op("Add", ["h", "m"], ["y"])],
    ["y"],
    "reads it too",
  ],
  [
    "a value that the graph gives out",
    [op("Mul", ["x", "scale"], ["m"]), op("MatMul", ["m", "a"], ["y"])],
    ["y", "m"],
    "output of the graph",
  ],
  [
    "a curved function before",
    [op("MatMul", ["x", "a"], ["h"]), op("Sigmoid", ["h"], ["s"]), op("MatMul", ["s", "b"], ["y"])],
    ["y"],
    "Sigmoid",
  ],
  [
    "a weight that two products share",
    [
      op("Mul", ["x", "scale"], ["m"]),
      op("MatMul", ["m", "a"], ["h"]),
      op("Sigmoid", ["h"], ["s"]),
      op("MatMul", ["s", "a"], ["y"]),
    ],
    ["y"],
    "used elsewhere",
  ],
  [
    "one factor for all channels",
    [op("Mul", ["x", "one"], ["m"]), op("MatMul", ["m", "a"], ["y"])],
    ["y"],
    "input of the graph",
  ],
])("leaves %s, and says why", (_, nodes, outputs, reason) => {
  const { groups, refused } = findScaleGroups(modelOf(nodes, outputs));
  expect(groups).toEqual([]);
  expect(refused.at(-1)?.reason).toContain(reason);
});

it("orders, turns round and damps second moments", () => {
  const gram = [1, 0.5, 0, 0.5, 3, 0, 0, 0, 0];
  const { line, matrix, order } = prepareHessian(gram, 3, { damping: 0.1, actOrder: true });
  const mean = 4 / 3;
  expect([line, ...order]).toEqual([4, 1, 0, 2]);
  // Padding first, then the channels from the last to the first; one that is always 0 counts as the mean.
  expect([0, 5, 10, 15].map((at) => matrix[at])).toEqual(
    [1.1, 1.1, 1 / mean + 0.1, 3 / mean + 0.1].map((value) => expect.closeTo(value, 6)),
  );
  expect(matrix[11]).toBeCloseTo(0.5 / mean, 6);
  expect(() => prepareHessian(gram, 4, { damping: 0, actOrder: false })).toThrow(UsageError);
  expect(() => prepareHessian([0], 1, { damping: 0, actOrder: false })).toThrow(UsageError);
  expect(() => prepareHessian([Number.NaN], 1, { damping: 0, actOrder: false })).toThrow(NonFiniteError);
});

it("takes weights whose groups lie along their inputs as matrices, and no others", () => {
  const blocked = { kind: "blocked", outer: 1, dim: 64, inner: 12, blockSize: 32 } as const;
  expect(matrixView(blocked, "rows", 64)).toMatchObject({
    n: 12,
    weight: { row: 1, col: 12 },
    group: { row: 2, col: 1 },
  });
  expect(matrixView(blocked, "natural", 64)).toMatchObject({ group: { row: 1, col: 12 } });
  expect(matrixView({ ...blocked, outer: 3 }, "natural", 64)).toBeUndefined();
  const wide = { kind: "wide", outer: 64, channels: 12, inner: 1 } as const;
  expect(matrixView(wide, "natural", 64)).toMatchObject({ n: 12, blockSize: 64 });
  expect(matrixView({ ...wide, outer: 1, channels: 1, inner: 768 }, "natural", 64)).toBeUndefined();
});
