// Hooks of the lowering on the plain references: values changed and read on the way, and what that does to fusion,
// constants, branches and plans.
import { describe, expect, it } from "vitest";
import { Executor, type GraphInput } from "../../src/execute/executor.ts";
import {
  makeAttributeGraph,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from "../../src/formats/onnx/make.ts";
import { OnnxType, type OnnxModel, type OnnxNode, type OnnxTensor } from "../../src/formats/onnx/ir.ts";
import type { HookPoint, LoweringHooks } from "../../src/graph/hooks.ts";
import { unary } from "../../src/graph/ops/shared.ts";
import type { Value } from "../../src/graph/values.ts";
import { graphKernelReferences } from "../../src/kernels/graph-references.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";

const backend = new CpuBackend(graphKernelReferences);

const floats = (name: string, dims: readonly number[], values: readonly number[]): OnnxTensor =>
  makeTensor(name, OnnxType.FLOAT, dims, new Uint8Array(Float32Array.from(values).buffer));

const node = (opType: string, inputs: readonly string[], outputs: readonly string[]): OnnxNode =>
  makeNode({ opType, name: `${opType}-${outputs[0]}`, inputs, outputs });

const modelOf = (nodes: readonly OnnxNode[], initializers: readonly OnnxTensor[]): OnnxModel =>
  makeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 16 }],
    graph: makeGraph({
      nodes,
      initializers,
      inputs: [makeValueInfo("x", OnnxType.FLOAT, ["n", 2])],
      outputs: [makeValueInfo("y", OnnxType.FLOAT)],
    }),
  });

/** x W + b, then relu: one dispatch where nothing is hooked. */
const dense = modelOf(
  [node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["s"]), node("Relu", ["s"], ["y"])],
  [floats("w", [2, 2], [1, 2, 3, 4]), floats("b", [2], [-5, 1])],
);

/** x and "two" under one operator. */
const branch = (op: string) =>
  makeGraph({ nodes: [node(op, ["x", "two"], [op])], inputs: [], outputs: [makeValueInfo(op, OnnxType.FLOAT)] });

const x: GraphInput = { dims: [2, 2], data: [1, 1, -1, 0] };

/** Doubles the values that `takes` picks, and notes where it was called. */
function doubling(takes: (at: HookPoint) => boolean): { hooks: () => LoweringHooks[]; met: string[] } {
  const met: string[] = [];
  const value: LoweringHooks["value"] = (b, each, at) => {
    met.push(`${at.role} ${at.tensor} ${at.node?.opType ?? "-"} ${at.index}`);
    return takes(at) ? unary(b, "affine", each, { a: 2, b: 0 }) : undefined;
  };
  return { hooks: () => [{ value }], met };
}

/** Gives the negative of every node's output beside the graph's outputs. */
const negating = (): LoweringHooks[] => {
  const seen: Value[] = [];
  return [
    {
      value(_, value, at) {
        if (at.role !== "output") return undefined;
        seen.push(value);
        return value;
      },
      outputs: (b) => seen.map((value) => ({ name: `neg:${value.name}`, value: unary(b, "neg", value) })),
    },
  ];
};

async function run(model: OnnxModel, hooks?: () => readonly LoweringHooks[]) {
  using executor = await Executor.create(model, backend, hooks ? { hooks } : {});
  const { dispatches } = executor.plan({ x });
  const outputs = await executor.run({ x });
  return { dispatches, outputs, y: [...(outputs["y"]?.data ?? [])] };
}

describe("hooks that change values", () => {
  it("meets inputs, weights and outputs in order, and changes nothing by being there", async () => {
    const { hooks, met } = doubling(() => false);
    const { dispatches, y } = await run(dense, hooks);
    expect(dispatches).toBe(1);
    expect(y).toEqual([0, 7, 0, 0]);
    expect(met.slice(0, 9)).toEqual([
      "input x - 0",
      "operand x MatMul 0",
      "weight w MatMul 1",
      "output h MatMul 0",
      "operand h Add 0",
      "weight b Add 1",
      "output s Add 0",
      "operand s Relu 0",
      "output y Relu 0",
    ]);
  });

  it.each([
    // h = [4, 6], [-1, -2]; s = h + [-5, 1]; y = relu(s)
    ["x", 1 + 1, [3, 13, 0, 0]],
    ["h", 1 + 1 + 2, [3, 13, 0, 0]],
    ["s", 1 + 1 + 1, [0, 14, 0, 0]],
    ["y", 1 + 1, [0, 14, 0, 0]],
    ["w", 1, [3, 13, 0, 0]],
    ["b", 1, [0, 8, 0, 0]],
  ])("doubles %s where it is used", async (tensor, most, expected) => {
    const { dispatches, y } = await run(dense, doubling((at) => at.tensor === tensor && at.role !== "operand").hooks);
    expect(y).toEqual(expected);
    expect(dispatches).toBeLessThanOrEqual(most);
  });

  it("hooks values within a branch, and what it takes from outside", async () => {
    const model = modelOf(
      [
        makeNode({
          opType: "If",
          name: "pick",
          inputs: ["yes"],
          outputs: ["y"],
          attributes: [
            makeAttributeGraph("then_branch", branch("Mul")),
            makeAttributeGraph("else_branch", branch("Add")),
          ],
        }),
      ],
      [makeTensor("yes", OnnxType.BOOL, [], Uint8Array.of(1)), floats("two", [2], [2, 3])],
    );
    expect((await run(model, doubling((at) => at.tensor === "Mul").hooks)).y).toEqual([4, 6, -4, 0]);
    expect((await run(model, doubling((at) => at.tensor === "two").hooks)).y).toEqual([4, 6, -4, 0]);
    expect((await run(model, doubling((at) => at.tensor === "Add").hooks)).y).toEqual([2, 3, -2, 0]);
  });

  it("hooks values that constants alone decide, once", async () => {
    const model = modelOf(
      [node("Transpose", ["w"], ["t"]), node("MatMul", ["x", "t"], ["y"])],
      [floats("w", [2, 2], [1, 2, 3, 4])],
    );
    const { dispatches, y } = await run(model, doubling((at) => at.tensor === "t" && at.role === "output").hooks);
    expect(dispatches).toBe(1);
    expect(y).toEqual([6, 14, -2, -6]);
  });
});

describe("hooks that read values", () => {
  it("gives more outputs, of values that would be fused away, and keeps the graph's own", async () => {
    const { outputs, y } = await run(dense, negating);
    expect(y).toEqual([0, 7, 0, 0]);
    expect(Object.keys(outputs)).toEqual(["y", "neg:h", "neg:s", "neg:y"]);
    expect([...(outputs["neg:h"]?.data ?? [])]).toEqual([-4, -6, 1, 2]);
    expect([...(outputs["neg:s"]?.data ?? [])]).toEqual([1, -7, 6, 1]);
  });

  it("changes what one node takes, and nothing else", async () => {
    const model = modelOf([node("Neg", ["x"], ["n"]), node("Sub", ["n", "x"], ["y"])], []);
    const { y } = await run(model, doubling((at) => at.role === "operand" && at.node?.opType === "Neg").hooks);
    expect(y).toEqual([-3, -3, 3, -0]);
  });

  it("lets a hook look at its own outputs, which nobody else is given", async () => {
    const seen: number[][] = [];
    const hooks = (): LoweringHooks[] => [
      {
        outputs: (b) => [{ name: "mine", value: b.scalar(3) }],
        inspect: (read) => seen.push([...(read("mine")?.data ?? [])], [...(read("y")?.data ?? [])]),
      },
    ];
    const { outputs } = await run(dense, hooks);
    expect(Object.keys(outputs)).toEqual(["y"]);
    expect(seen).toEqual([[3], [0, 7, 0, 0]]);
  });

  it("makes hooks anew for each set of shapes", async () => {
    let made = 0;
    using executor = await Executor.create(dense, backend, { hooks: () => [{ outputs: () => [] }].slice(0, ++made) });
    for (const rows of [1, 2, 1])
      await executor.run({ x: { dims: [rows, 2], data: Array.from({ length: 2 * rows }, () => 1) } });
    expect(made).toBe(2);
  });

  it("refuses a value of other dims", async () => {
    await expect(run(dense, () => [{ value: (b) => b.scalar(1) }])).rejects.toThrow(/A hook gave \[\] for "x"/);
  });
});
