// Norms that a graph spells out stay f32 from the squares to the root, whatever their writing.
import { expect, it } from "vitest";
import { normNodes } from "../../../src/methods/quantize/onnx/half-norms.ts";
import { op, floatTensor, smallGraph } from "../../support/onnx-models.ts";

const graphOf = (nodes: Parameters<typeof smallGraph>[0]["nodes"]) =>
  smallGraph({
    nodes,
    inputs: [],
    outputs: [],
    initializers: [floatTensor("one", [], [1]), floatTensor("two", [], [2])],
  });

const found = (nodes: Parameters<typeof smallGraph>[0]["nodes"]): string[] =>
  [...normNodes(graphOf(nodes))].map(({ outputs }) => outputs[0] ?? "").toSorted();

it("takes a root mean square and its reciprocal, not what is normed by it", () => {
  const nodes = [
    op("Pow", ["x", "two"], ["squares"]),
    op("ReduceMean", ["squares"], ["mean"]),
    op("Add", ["mean", "epsilon"], ["padded"]),
    op("Sqrt", ["padded"], ["root"]),
    op("Div", ["one", "root"], ["factor"]),
    op("Mul", ["x", "factor"], ["y"]),
  ];
  expect(found(nodes)).toEqual(["factor", "mean", "padded", "root", "squares"]);
});

it("takes a variance written as a product, up to the division by its root", () => {
  const nodes = [
    op("Sub", ["x", "m"], ["centred"]),
    op("Mul", ["centred", "centred"], ["squares"]),
    op("ReduceSum", ["squares"], ["sum"]),
    op("Sqrt", ["sum"], ["root"]),
    op("Div", ["centred", "root"], ["y"]),
  ];
  expect(found(nodes)).toEqual(["root", "squares", "sum"]);
});

it("leaves squares alone that are not summed, and sums of other things", () => {
  expect(found([op("Mul", ["x", "x"], ["y"]), op("ReduceMean", ["x"], ["m"])])).toEqual([]);
});
