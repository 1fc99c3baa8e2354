// The search for the first node that gives what is not finite, on the plain references.
import { describe, expect, it } from "vitest";
import { NonFiniteError } from "../../src/base/errors.ts";
import { Executor, type ExecutorOptions } from "../../src/execute/executor.ts";
import { OnnxType, type OnnxModel } from "../../src/formats/onnx/ir.ts";
import { graphKernelReferences } from "../../src/kernels/graph-references.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { floatTensor, op, smallGraph, smallModel } from "../support/onnx-models.ts";
import { makeTensor } from "../../src/formats/onnx/make.ts";

const backend = new CpuBackend(graphKernelReferences);
const infinity = Number.POSITIVE_INFINITY;

async function run(model: OnnxModel, data: readonly number[], options: ExecutorOptions = {}): Promise<number[]> {
  using executor = await Executor.create(model, backend, { checkFinite: true, ...options });
  const outputs = await executor.run({ x: { dims: [data.length], data } });
  expect(Object.keys(outputs)).toEqual(["y"]);
  return [...(outputs["y"]?.data ?? [])];
}

const failure = async (...args: Parameters<typeof run>): Promise<unknown> => {
  const error: unknown = await run(...args).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(NonFiniteError);
  return error;
};

/** y = log(x - 1) * 2 + c */
const logarithm = (c: readonly number[] = [0]): OnnxModel =>
  smallModel({
    nodes: [
      op("Sub", ["x", "one"], ["d"]),
      op("Log", ["d"], ["l"]),
      op("Mul", ["l", "two"], ["m"]),
      op("Add", ["m", "c"], ["y"]),
    ],
    inputs: [["x", ["n"]]],
    outputs: [["y", undefined]],
    initializers: [floatTensor("one", [], [1]), floatTensor("two", [], [2]), floatTensor("c", [c.length], c)],
  });

/** One node on x and its negative, as a branch. */
const branch = (name: string, type: string) => ({
  type: "graph" as const,
  value: smallGraph({ nodes: [op(type, ["x"], [`${name}_h`]), op("Neg", [`${name}_h`], [name])], inputs: [], outputs: [[name, undefined]] }), // prettier-ignore
});

describe("checkFinite", () => {
  it("gives what a run gives where all is finite, and nothing else", async () => {
    const [y = 0] = await run(logarithm(), [Math.E + 1]);
    expect(y).toBeCloseTo(2, 5);
  });

  it("names the first node, not those that pass NaN on", async () => {
    expect(await failure(logarithm(), [3, 0.5, 2])).toMatchObject({
      code: "NON_FINITE",
      message: expect.stringContaining('Log "l_node" is the first node to give what is not finite: "l" holds 1 NaN'),
      details: { tensor: "l", node: "l_node", op: "Log", count: 1, firstIndex: 1 },
    });
  });

  it("names the node that makes infinity out of finite numbers", async () => {
    expect(await failure(logarithm(), [3, 1])).toMatchObject({ details: { node: "l_node", firstIndex: 1 } });
    const square = smallModel({ nodes: [op("Mul", ["x", "x"], ["h"]), op("Neg", ["h"], ["y"])], inputs: [["x", ["n"]]], outputs: [["y", undefined]] }); // prettier-ignore
    expect(await failure(square, [1, 2, 1e30])).toMatchObject({
      details: { node: "h_node", op: "Mul", firstIndex: 2 },
    });
  });

  it("names an input that holds NaN, and lets infinities of masks through", async () => {
    expect(await failure(logarithm(), [3, Number.NaN])).toMatchObject({
      message: expect.stringContaining('Input "x" holds 1 NaN and 0 infinite elements, the first at [1]'),
      details: { tensor: "x" },
    });
    expect(await run(logarithm(), [infinity])).toEqual([infinity]);
    expect(await run(logarithm([-infinity]), [3])).toEqual([-infinity]);
    // Two infinities against each other are NaN, and that is an error.
    expect(await failure(logarithm([-infinity]), [infinity])).toMatchObject({ details: { node: "y_node", op: "Add" } });
  });

  it("names a constant that is NaN already, small or large, and its node", async () => {
    expect(await failure(logarithm([1, Number.NaN]), [3, 3])).toMatchObject({
      message: expect.stringContaining('Constant "c", which Add "y_node" takes, holds 1 NaN'),
      details: { tensor: "c", node: "y_node", firstIndex: 1 },
    });
    const large = new Float32Array(5000).fill(1);
    large[4321] = Number.NaN;
    expect(await failure(logarithm([...large]), [3])).toMatchObject({ details: { tensor: "c", firstIndex: 4321 } });
  });

  it("names a node that constants alone make NaN", async () => {
    const model = smallModel({
      nodes: [op("Log", ["c"], ["l"]), op("Add", ["x", "l"], ["y"])],
      inputs: [["x", ["n"]]],
      outputs: [["y", undefined]],
      initializers: [floatTensor("c", [1], [-1])],
    });
    expect(await failure(model, [3])).toMatchObject({ details: { node: "l_node", op: "Log" } });
  });

  it("looks into branches, and does not blame the branch's node", async () => {
    const model = smallModel({
      nodes: [op("If", ["yes"], ["y"], { then_branch: branch("a", "Sqrt"), else_branch: branch("b", "Abs") })],
      inputs: [["x", ["n"]]],
      outputs: [["y", undefined]],
      initializers: [makeTensor("yes", OnnxType.BOOL, [], Uint8Array.of(1))],
    });
    expect(await failure(model, [4, -1])).toMatchObject({ details: { node: "a_h_node", op: "Sqrt" } });
    expect(await run(model, [4, infinity])).toEqual([-2, -infinity]);
  });

  it("sees values that are fused otherwise, and works with simulated quantization", async () => {
    const model = smallModel({
      nodes: [op("MatMul", ["x", "w"], ["h"]), op("Add", ["h", "b"], ["s"]), op("Relu", ["s"], ["y"])],
      inputs: [["x", ["n"]]],
      outputs: [["y", undefined]],
      initializers: [floatTensor("w", [2, 2], [1e30, 0, 0, 1]), floatTensor("b", [2], [0, 0])],
    });
    expect(await failure(model, [1e30, 1])).toMatchObject({ details: { node: "h_node", op: "MatMul" } });
    const fakeQuant = [{ pattern: "h", format: "int8", scale: 1 }] as const;
    expect(await failure(model, [1e30, 1], { fakeQuant })).toMatchObject({ details: { node: "h_node" } });
    expect(await run(model, [0, 1.4], { fakeQuant })).toEqual([0, 1]);
  });
});
