// Simulated quantization on the plain references: which values a rule reaches, and what it can't be applied to.
import { describe, expect, it } from "vitest";
import { NonFiniteError, UsageError } from "../../src/base/errors.ts";
import { Executor, type ExecutorOptions } from "../../src/execute/executor.ts";
import { OnnxType, type OnnxModel } from "../../src/formats/onnx/ir.ts";
import { graphKernelReferences } from "../../src/kernels/graph-references.ts";
import { parseFakeQuantRule } from "../../src/methods/fake-quant/rules.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { floatTensor, intTensor, op, smallGraph, smallModel } from "../support/onnx-models.ts";

const backend = new CpuBackend(graphKernelReferences);

const rules = (...texts: string[]): Pick<ExecutorOptions, "fakeQuant"> => ({
  fakeQuant: texts.map(parseFakeQuantRule),
});

async function run(model: OnnxModel, data: readonly number[], options: ExecutorOptions): Promise<number[]> {
  using executor = await Executor.create(model, backend, options);
  const { y } = await executor.run({ x: { dims: [1, data.length], data } });
  return [...(y?.data ?? [])].map((value) => Math.round(value * 1e4) / 1e4);
}

/** y = relu(x w + b) - x, x [1, 2]. */
const model = smallModel({
  nodes: [
    op("MatMul", ["x", "w"], ["h"]),
    op("Add", ["h", "b"], ["s"]),
    op("Relu", ["s"], ["r"]),
    op("Sub", ["r", "x"], ["y"]),
  ],
  inputs: [["x", [1, 2]]],
  outputs: [["y", undefined]],
  initializers: [floatTensor("w", [2, 2], [1.3, 0, 0, 1.6]), floatTensor("b", [2], [0.4, 0.2])],
});

/** One node on x, as a branch. */
const branch = (name: string, type: string) => ({
  type: "graph" as const,
  value: smallGraph({ nodes: [op(type, ["x"], [name])], inputs: [], outputs: [[name, undefined]] }),
});

describe("what a rule reaches", () => {
  it.each([
    // h = [2.6, 4.8], s = [3, 5], y = [1, 2]
    ["nothing", [], [1, 2]],
    ["an input, for all who read it", ["x=int8,scale=4"], [0.4, 2.6]],
    ["an input, for one node", ["Sub=int8,scale=4"], [4, 0]],
    ["what a node gives", ["h=int8,scale=2"], [0.4, 1.2]],
    ["a value within what would be one kernel", ["s=int8,scale=2"], [2, 1]],
    ["a weight, where its operator reads it", ["MatMul=int8,scale=1,on=weights"], [0.4, 3.2]],
    ["a weight by name", ["w=int8,scale=1"], [0.4, 3.2]],
    ["activations of the operator alone", ["MatMul=int8,scale=4,on=activations"], [-1.6, 3.6]],
    ["a bias by its very name", ["b=int8,scale=1"], [0.6, 1.8]],
    ["no bias by a glob", ["b*=int8,scale=1", "w=skip"], [1, 2]],
    ["the last rule decides", ["*=int2", "*=skip"], [1, 2]],
    ["a later rule for one node, about the value as it was", ["x=int8,scale=8", "Sub=int8,scale=3"], [-3, -3]],
    ["a later skip for one node", ["x=int8,scale=8", "Sub=skip"], [-1.6, -2.8]],
    ["an earlier rule for one node gives way", ["Sub=int8,scale=8", "x=int8,scale=4"], [0, 4]],
  ])("%s", async (_, texts, expected) => {
    const got = await run(model, [2, 3], rules(...texts));
    expect(got).toEqual(expected);
  });

  it("follows a weight through moves to the operator that multiplies by it", async () => {
    const moved = smallModel({
      nodes: [op("Transpose", ["w"], ["t"]), op("MatMul", ["x", "t"], ["y"])],
      inputs: [["x", [1, 2]]],
      outputs: [["y", undefined]],
      initializers: [floatTensor("w", [2, 2], [1.3, 0.2, 0, 1.6])],
    });
    expect(await run(moved, [1, 10], rules("MatMul=int8,scale=1,on=weights"))).toEqual([1, 20]);
    expect(await run(moved, [1, 10], rules("*=int8,scale=1"))).toEqual([1, 20]);
  });

  it("reaches into branches", async () => {
    const branched = smallModel({
      nodes: [op("If", ["yes"], ["y"], { then_branch: branch("yes_y", "Neg"), else_branch: branch("no_y", "Abs") })],
      inputs: [["x", [1, 2]]],
      outputs: [["y", undefined]],
      initializers: [intTensor("one", [1], [])],
    });
    const yes = { ...branched, graph: { ...branched.graph, nodes: [op("Cast", ["one"], ["yes"], { to: BigInt(OnnxType.BOOL) }), ...branched.graph.nodes] } }; // prettier-ignore
    expect(await run(yes, [1.2, -3.6], rules("yes_y=int8,scale=1"))).toEqual([-1, 4]);
    // The rule's tensor is in the branch that is not taken.
    expect(await run(yes, [1.2, -3.6], rules("no_y=int8,scale=1"))).toEqual([-1.2, 3.6]);
  });
});

/** Ones. */
const ones = (n: number, m: number) => ({ x: { dims: [n, m], data: new Float32Array(n * m).fill(1) } });

/** A run with such a second element. */
const holding = (value: number, ...texts: string[]) => run(model, [2, value], rules(...texts));

describe("what a rule can't be applied to", () => {
  it.each([
    ["x=int8,per=channel,axis=2", /"x" \[1, 2\] has no axis 2/],
    ["x=int8,per=group:2,axis=-3", /has no axis -3/],
    ["x=int8,per=channel,scale=1:2:3", /has 2 groups, and 3 scales are given/],
    ["w=int8,per=channel,scale=1:2:3", /"w" \[2, 2\] has 2 groups/],
  ])("%s", async (text, message) => {
    await expect(run(model, [2, 3], rules(text))).rejects.toThrow(message);
    await expect(run(model, [2, 3], rules(text))).rejects.toThrow(UsageError);
  });

  it("blocks that do not divide rows, where they must", async () => {
    const rows = smallModel({
      nodes: [op("Neg", ["x"], ["y"])],
      inputs: [["x", ["n", "m"]]],
      outputs: [["y", undefined]],
    });
    using executor = await Executor.create(rows, backend, rules("x=nf4,per=group:16"));
    await expect(executor.run(ones(2, 24))).rejects.toThrow(/rows of 24, which blocks of 16 do not divide/);
    const { y } = await executor.run(ones(2, 32));
    expect(new Set(y?.data)).toEqual(new Set([-1]));
  });

  it("tensors that hold no floats", async () => {
    const ints = smallModel({
      nodes: [op("Shape", ["x"], ["n"]), op("Cast", ["n"], ["y"], { to: BigInt(OnnxType.FLOAT) })],
      inputs: [["x", [1, 2]]],
      outputs: [["y", undefined]],
    });
    await expect(run(ints, [1, 2], rules("n=int8"))).rejects.toThrow(/matches "n", which holds no floats/);
    expect(await run(ints, [1, 2], rules("*=int8"))).toEqual([1, 2]);
  });

  it("values that are not finite, with their place", async () => {
    const error = await holding(Number.NaN, "s=int8").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({ details: { tensor: "s", node: "s_node", op: "Add", firstIndex: 0, count: 2 } });
    await expect(holding(Number.POSITIVE_INFINITY, "x=int8")).rejects.toThrow(
      /"x" holds 0 NaN and 1 infinite elements, the first at \[0, 1\]/,
    );
    // Under given scales infinity saturates; halves have NaN of their own.
    expect(await holding(Number.POSITIVE_INFINITY, "x=int8,scale=1")).toEqual([1, 76.4]);
    expect(await holding(Number.NaN, "x=fp16")).toEqual([Number.NaN, Number.NaN]);
  });
});
