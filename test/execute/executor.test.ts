// The executor on the plain references: control flow, fusion, caching of plans, and inputs that do not fit.
import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError, UsageError } from "../../src/base/errors.ts";
import { Executor, type GraphInput } from "../../src/execute/executor.ts";
import {
  makeAttributeGraph,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from "../../src/formats/onnx/make.ts";
import { OnnxType, type Dim, type OnnxModel, type OnnxNode, type OnnxTensor } from "../../src/formats/onnx/ir.ts";
import { graphKernelReferences } from "../../src/kernels/graph-references.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";

const backend = new CpuBackend(graphKernelReferences);

const floats = (name: string, dims: readonly number[], values: readonly number[]): OnnxTensor =>
  makeTensor(name, OnnxType.FLOAT, dims, new Uint8Array(Float32Array.from(values).buffer));

interface Parts {
  readonly nodes: readonly OnnxNode[];
  readonly inputs?: readonly (readonly [name: string, dims: readonly Dim[], type?: number])[];
  readonly outputs?: readonly string[];
  readonly initializers?: readonly OnnxTensor[];
}

const modelOf = ({ nodes, inputs = [["x", ["n", 2]]], outputs = ["y"], initializers = [] }: Parts): OnnxModel =>
  makeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 16 }],
    graph: makeGraph({
      nodes,
      initializers,
      inputs: inputs.map(([name, dims, type = OnnxType.FLOAT]) => makeValueInfo(name, type, dims)),
      outputs: outputs.map((name) => makeValueInfo(name, OnnxType.FLOAT)),
    }),
  });

const node = (opType: string, inputs: readonly string[], outputs: readonly string[]): OnnxNode =>
  makeNode({ opType, name: `${opType}-${outputs[0]}`, inputs, outputs });

const of = (dims: readonly number[], data: readonly number[]): GraphInput => ({ dims, data });

/** x W + b, then relu. */
const dense = modelOf({
  nodes: [node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["s"]), node("Relu", ["s"], ["y"])],
  initializers: [floats("w", [2, 2], [1, 2, 3, 4]), floats("b", [2], [-5, 1])],
});

describe("running", () => {
  it("computes a layer in one dispatch, bias and activation in it", async () => {
    using executor = await Executor.create(dense, backend);
    const inputs = { x: of([2, 2], [1, 1, -1, 0]) };
    expect(executor.plan(inputs).dispatches).toBe(1);
    const { y } = await executor.run(inputs);
    expect(y).toMatchObject({ type: "FLOAT", dims: [2, 2] });
    expect([...(y?.data ?? [])]).toEqual([0, 7, 0, 0]);
  });

  it("leaves a value whole that others read too", async () => {
    const { graph } = dense;
    const both = { ...dense, graph: { ...graph, outputs: [...graph.outputs, makeValueInfo("s", OnnxType.FLOAT)] } };
    using executor = await Executor.create(both, backend);
    const { y, s } = await executor.run({ x: of([1, 2], [1, 1]) });
    expect([...(y?.data ?? [])]).toEqual([0, 7]);
    expect([...(s?.data ?? [])]).toEqual([-1, 7]);
  });

  it("gives values inside the graph on demand", async () => {
    using executor = await Executor.create(dense, backend, { outputs: ["h"] });
    const { h } = await executor.run({ x: of([1, 2], [1, 1]) });
    expect([...(h?.data ?? [])]).toEqual([4, 6]);
  });

  it("plans anew for other shapes, and goes back", async () => {
    using executor = await Executor.create(dense, backend, { cachedPlans: 1 });
    for (const rows of [1, 3, 1]) {
      const { y } = await executor.run({
        x: of(
          [rows, 2],
          Array.from({ length: 2 * rows }, () => 1),
        ),
      });
      expect(y?.dims).toEqual([rows, 2]);
      expect(y?.data.at(-1)).toBe(7);
    }
  });

  it("takes the branch that an input decides, and the other one for another input", async () => {
    const branch = (op: string) =>
      makeGraph({ nodes: [node(op, ["x"], [op])], inputs: [], outputs: [makeValueInfo(op, OnnxType.FLOAT)] });
    const model = modelOf({
      nodes: [
        node("Equal", ["rate", "sixteen"], ["fast"]),
        makeNode({
          opType: "If",
          name: "pick",
          inputs: ["fast"],
          outputs: ["y"],
          attributes: [
            makeAttributeGraph("then_branch", branch("Neg")),
            makeAttributeGraph("else_branch", branch("Exotic")),
          ],
        }),
      ],
      inputs: [
        ["x", [2]],
        ["rate", [], OnnxType.INT64],
      ],
      initializers: [makeTensor("sixteen", OnnxType.INT64, [], new Uint8Array(BigInt64Array.of(16n).buffer))],
    });
    using executor = await Executor.create(model, backend);
    // The operator that can't be run is in a branch that is never taken.
    const { y } = await executor.run({ x: of([2], [1, 2]), rate: of([], [16]) });
    expect([...(y?.data ?? [])]).toEqual([-1, -2]);
    await expect(executor.run({ x: of([2], [1, 2]), rate: of([], [8]) })).rejects.toThrow(/Exotic \(opset 16\)/);
  });

  it("keeps NaN and infinities", async () => {
    using executor = await Executor.create(modelOf({ nodes: [node("Relu", ["x"], ["y"])] }), backend);
    const { y } = await executor.run({ x: of([1, 2], [Number.NaN, Number.POSITIVE_INFINITY]) });
    expect([...(y?.data ?? [])]).toEqual([Number.NaN, Number.POSITIVE_INFINITY]);
  });
});

describe("what does not fit", () => {
  const twoInputs = modelOf({
    nodes: [node("Add", ["x", "z"], ["y"])],
    inputs: [
      ["x", ["n", 2]],
      ["z", ["n", 2]],
    ],
  });

  it.each<[string, OnnxModel, Record<string, GraphInput>, RegExp]>([
    ["a missing input", dense, {}, /"x" is missing/],
    ["an unknown input", dense, { x: of([1, 2], [1, 1]), q: of([1], [1]) }, /no input "q"/],
    ["another rank", dense, { x: of([2], [1, 1]) }, /rank 1, not 2/],
    ["another size", dense, { x: of([1, 3], [1, 1, 1]) }, /3 along axis 1, not 2/],
    ["fewer elements than dims", dense, { x: of([2, 2], [1]) }, /1 elements/],
    ["an absurd dim", dense, { x: of([2 ** 40, 2], []) }, /has the shape/],
    ["a symbol with two sizes", twoInputs, { x: of([1, 2], [1, 1]), z: of([3, 2], [1, 1, 1, 1, 1, 1]) }, /along "n"/],
  ])("refuses %s", async (_, model, inputs, message) => {
    using executor = await Executor.create(model, backend);
    await expect(executor.run(inputs)).rejects.toThrow(UsageError);
    await expect(executor.run(inputs)).rejects.toThrow(message);
  });

  it("names the node of an operator that can't be run, before anything runs", async () => {
    const model = modelOf({ nodes: [node("Relu", ["x"], ["h"]), node("Exotic", ["h"], ["y"])] });
    using executor = await Executor.create(model, backend);
    const run = executor.run({ x: of([1, 2], [1, 1]) });
    await expect(run).rejects.toThrow(UnsupportedError);
    await expect(run).rejects.toMatchObject({
      details: { node: "Exotic-y", op: "Exotic", domain: "ai.onnx", opset: 16 },
    });
  });

  it("tells a graph whose shapes contradict each other", async () => {
    const model = modelOf({
      nodes: [node("MatMul", ["x", "w"], ["y"])],
      initializers: [floats("w", [3, 1], [1, 2, 3])],
    });
    using executor = await Executor.create(model, backend);
    await expect(executor.run({ x: of([1, 2], [1, 1]) })).rejects.toThrow(FormatError);
  });

  it("tells a graph that is out of order", async () => {
    const model = modelOf({ nodes: [node("Relu", ["h"], ["y"]), node("Relu", ["x"], ["h"])] });
    using executor = await Executor.create(model, backend);
    await expect(executor.run({ x: of([1, 2], [1, 1]) })).rejects.toThrow(/reads "h", which nothing gives/);
  });
});
