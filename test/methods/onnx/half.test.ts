// Conversion to f16: types of inputs and outputs, where casts stand, what constants become, and what it computes.
import { describe, expect, it } from "vitest";
import { decodeHalf } from "../../../src/base/half.ts";
import { mapGraphs } from "../../../src/formats/onnx/graphs.ts";
import { OnnxType, type OnnxModel, type OnnxTensor } from "../../../src/formats/onnx/ir.ts";
import type { InputTensor } from "../../../src/evaluate/tensors.ts";
import {
  floatInput,
  floatTensor,
  halfTensor,
  intTensor,
  largestDifference,
  onnxBytes,
  op,
  randomTensor,
  smallGraph,
  smallModel,
  type SmallModel,
} from "../../support/onnx-models.ts";
import { runOracle } from "../../support/ort.ts";
import { operatorsOf, quantizeSmall } from "../../support/quantized.ts";

const [i64, bool, f16] = [OnnxType.INT64, OnnxType.BOOL, OnnxType.FLOAT16];

function constantsOf(model: OnnxModel): ReadonlyMap<string, OnnxTensor> {
  const found = new Map<string, OnnxTensor>();
  mapGraphs(model, (graph) => {
    for (const tensor of graph.initializers) found.set(tensor.name, tensor);
    return graph;
  });
  return found;
}

const portTypes = (model: OnnxModel): (number | undefined)[] =>
  [...model.graph.inputs, ...model.graph.outputs].map((info) => info.tensor?.dataType);

const halves = (tensor: OnnxTensor | undefined): number[] =>
  tensor?.data.kind === "bytes" ? Array.from(new Uint16Array(tensor.data.bytes.slice().buffer), decodeHalf) : [];

const x = floatInput("x", [5, 40]);
const linear: SmallModel = {
  nodes: [op("MatMul", ["x", "w"], ["p"]), op("Add", ["p", "b"], ["y"])],
  inputs: [["x", ["n", 40]]],
  outputs: [["y", ["n", 32]]],
  initializers: [randomTensor("w", [40, 32], 0.1), randomTensor("b", [32])],
};

const fp16Only = ["fp16"] as const;

interface Case extends SmallModel {
  readonly name: string;
  readonly feeds: readonly InputTensor[];
  readonly casts: number;
  readonly formats?: readonly ("fp16" | "q4f16")[];
}

const branch = (name: string, weight: string) => ({
  type: "graph" as const,
  value: smallGraph({
    nodes: [op("MatMul", ["h", weight], [`${name}_p`]), op("Relu", [`${name}_p`], [name])],
    inputs: [],
    outputs: [[name, undefined]],
    initializers: weight === "inner" ? [randomTensor("inner", [32, 32], 0.1)] : [],
  }),
});

const cases: readonly Case[] = [
  { name: "a linear layer", ...linear, feeds: [x], casts: 2, formats: ["fp16", "q4f16"] },
  {
    name: "an inner value that is also an output",
    ...linear,
    outputs: [
      ["p", ["n", 32]],
      ["y", ["n", 32]],
    ],
    feeds: [x],
    casts: 3,
    formats: ["fp16", "q4f16"],
  },
  {
    name: "an embedding whose result goes out by itself",
    nodes: [op("Gather", ["e", "i"], ["g"]), op("MatMul", ["g", "w"], ["y"])],
    inputs: [["i", [2, 3], i64]],
    outputs: [
      ["g", undefined],
      ["y", undefined],
    ],
    initializers: [randomTensor("e", [50, 64], 0.1), randomTensor("w", [64, 32], 0.1)],
    feeds: [{ name: "i", dtype: "i64", dims: [2, 3], data: Float64Array.of(0, 5, 49, 7, 7, 3) }],
    casts: 2,
    formats: ["fp16", "q4f16"],
  },
  {
    name: "operators on the list between others",
    nodes: [op("MatMul", ["x", "w"], ["p"]), op("CumSum", ["p", "axis"], ["c"]), op("Mul", ["c", "b"], ["y"])],
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 32], 0.1), randomTensor("b", [32], 0.1), intTensor("axis", [1], [])],
    feeds: [x],
    casts: 4,
    formats: ["fp16", "q4f16"],
  },
  {
    name: "the branches of an If",
    nodes: [
      op("MatMul", ["x", "w"], ["h"]),
      op("If", ["c"], ["r"], { then_branch: branch("t", "inner"), else_branch: branch("e", "outer") }),
      op("Neg", ["r"], ["y"]),
    ],
    inputs: [
      ["x", [5, 40]],
      ["c", [], bool],
    ],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 32], 0.1), randomTensor("outer", [32, 32], 0.1)],
    feeds: [x, { name: "c", dtype: "bool", dims: [], data: Float32Array.of(1) }],
    casts: 2,
    formats: ["fp16", "q4f16"],
  },
  {
    name: "the body of a Loop, which stays f32",
    nodes: [
      op("MatMul", ["x", "w"], ["h"]),
      op("Loop", ["n", "", "h"], ["r"], {
        body: {
          type: "graph",
          value: smallGraph({
            nodes: [op("Identity", ["go"], ["go_out"]), op("MatMul", ["s", "v"], ["s_out"])],
            inputs: [
              ["k", [], i64],
              ["go", [], bool],
              ["s", undefined],
            ],
            outputs: [
              ["go_out", [], bool],
              ["s_out", undefined],
            ],
            initializers: [randomTensor("v", [32, 32], 0.1)],
          }),
        },
      }),
      op("Neg", ["r"], ["y"]),
    ],
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 32], 0.1), intTensor("n", [2], [])],
    feeds: [x],
    casts: 4,
  },
  {
    name: "the f16 body of a Loop",
    nodes: [
      op("Cast", ["x"], ["h"], { to: BigInt(f16) }),
      op("Loop", ["n", "", "h"], ["y"], {
        body: {
          type: "graph",
          value: smallGraph({
            nodes: [
              op("Identity", ["go"], ["go_out"]),
              op("Cast", ["v"], ["half_v"], { to: BigInt(f16) }),
              op("MatMul", ["s", "half_v"], ["s_out"]),
            ],
            inputs: [
              ["k", [], i64],
              ["go", [], bool],
              ["s", undefined, f16],
            ],
            outputs: [
              ["go_out", [], bool],
              ["s_out", undefined, f16],
            ],
            initializers: [randomTensor("v", [40, 40], 0.1)],
          }),
        },
      }),
    ],
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined, f16]],
    initializers: [intTensor("n", [2], [])],
    feeds: [x],
    casts: 5,
  },
  {
    name: "Resize, ConstantOfShape, Cast and Where",
    opset: 13,
    nodes: [
      op("Resize", ["x", "", "scales"], ["r"]),
      op("Shape", ["r"], ["shape"]),
      op("ConstantOfShape", ["shape"], ["fill"], { value: { type: "tensor", value: floatTensor("", [1], [0.25]) } }),
      op("Greater", ["r", "fill"], ["g"]),
      op("Cast", ["g"], ["m"], { to: 1n }),
      op("Where", ["g", "m", "r"], ["y"]),
    ],
    inputs: [["x", [1, 1, 4, 4]]],
    outputs: [["y", undefined]],
    initializers: [floatTensor("scales", [4], [1, 1, 2, 2])],
    feeds: [floatInput("x", [1, 1, 4, 4])],
    casts: 3,
  },
  {
    name: "a contributed operator that is not known",
    nodes: [op("MatMul", ["x", "w"], ["p"]), op("Inverse", ["p"], ["v"], {}, "com.microsoft"), op("Neg", ["v"], ["y"])],
    domains: ["com.microsoft"],
    inputs: [["x", [32, 40]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 32], 0.1)],
    feeds: [floatInput("x", [32, 40])],
    casts: 4,
  },
  {
    name: "a model that is f16 in part",
    nodes: [
      op("MatMul", ["x", "w"], ["p"]),
      op("Cast", ["p"], ["h"], { to: BigInt(f16) }),
      op("Mul", ["h", "s"], ["z"]),
      op("Softmax", ["z"], ["y"]),
    ],
    inputs: [["x", [5, 40]]],
    outputs: [
      ["y", undefined, f16],
      ["p", undefined],
    ],
    initializers: [randomTensor("w", [40, 32], 0.1), halfTensor("s", [1], [0.5])],
    feeds: [x],
    casts: 2,
    formats: ["fp16", "q4f16"],
  },
  {
    name: "operators and forms of them that have no f16",
    opset: 16,
    nodes: [
      op("MatMul", ["x", "w"], ["p"]),
      op("Celu", ["p"], ["c"]),
      op("IsInf", ["c"], ["inf"]),
      op("Where", ["inf", "b", "c"], ["s"]),
      op("ScatterND", ["s", "at", "add"], ["y"], { reduction: "add" }),
    ],
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined]],
    initializers: [
      randomTensor("w", [40, 32], 0.1),
      randomTensor("b", [32]),
      intTensor("at", [1, 3, 1, 4], [2, 2]),
      floatTensor("add", [2], [0.5, 0.25]),
    ],
    feeds: [x],
    casts: 4,
    formats: ["fp16", "q4f16"],
  },
  {
    name: "sequences, which no Cast takes",
    nodes: [
      op("SplitToSequence", ["x"], ["s"], { axis: 0n }),
      op("Identity", ["s"], ["t"]),
      op("SequenceAt", ["t", "i"], ["e"]),
      op("MatMul", ["e", "w"], ["y"]),
    ],
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 32], 0.1), intTensor("i", [2], [])],
    feeds: [x],
    casts: 2,
    formats: ["fp16", "q4f16"],
  },
  {
    name: "casts between floats of unnamed nodes, which onnxruntime trips over",
    nodes: [
      op("Cast", ["x"], ["c"], { to: 1n }),
      op("MatMul", ["c", "w"], ["p"]),
      op("Cast", ["p"], ["q"], { to: 1n }),
      op("Div", ["q", "b"], ["y"]),
    ].map((made) => Object.assign({}, made, { name: "" })),
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 32], 0.1), floatTensor("b", [1], [3])],
    feeds: [x],
    casts: 2,
    formats: ["fp16", "q4f16"],
  },
];

describe("conversion to f16", () => {
  for (const { name, feeds, casts, formats = fp16Only, ...parts } of cases) {
    for (const format of formats) {
      it(`${name}, ${format}`, async () => {
        const before = smallModel(parts);
        const { bytes, model, restored } = await quantizeSmall(before, { format });
        expect(portTypes(model)).toEqual(portTypes(before));
        if (format === "fp16") expect(operatorsOf(model).filter((type) => type === "Cast")).toHaveLength(casts);
        const expected = await runOracle(restored, feeds);
        for (const runtime of ["cpu", "wasm"] as const) {
          const actual = await runOracle(bytes, feeds, runtime);
          for (const [i, { dims, data }] of expected.entries()) {
            expect(actual[i]?.dims).toEqual(dims);
            expect(largestDifference(data, actual[i]?.data ?? [])).toBeLessThan(5e-3);
          }
        }
      });
    }
  }

  it("keeps what it is told to keep, and says so", async () => {
    const byType = await quantizeSmall(smallModel(linear), { format: "fp16", keepFloat: ["Add"] });
    expect(byType.plan.skipped).toEqual([
      { name: "Add (1)", reason: "stays f32: on the list of operators to keep (--keep-float)" },
    ]);
    expect(byType.model.graph.nodes.find((node) => node.opType === "Add")?.inputs).toEqual(["p_f32", "b"]);
    const byName = await quantizeSmall(smallModel(linear), { format: "fp16", keepFloat: ["p_node"] });
    expect(byName.model.graph.nodes.find((node) => node.opType === "MatMul")?.inputs).toEqual(["x", "w"]);
    expect(operatorsOf((await quantizeSmall(smallModel(linear), { format: "fp16" })).model)).toEqual([
      "Cast",
      "MatMul",
      "Add",
      "Cast",
    ]);
  });

  it("saturates values beyond the range, keeps infinities, lifts a lone epsilon, and names the tensors", async () => {
    const mask = Array.from({ length: 32 }, (_, i) => (i === 3 ? -3.4e38 : i === 5 ? -Infinity : 0));
    const big = new Float32Array(40 * 32).fill(0.01);
    big[7] = 1e5;
    big[8] = -1e6;
    const model = smallModel({
      nodes: [
        op("MatMul", ["x", "w"], ["p"]),
        op("Add", ["p", "mask"], ["m"]),
        op("Add", ["m", "eps"], ["e"]),
        op("Softmax", ["e"], ["y"]),
      ],
      inputs: [["x", [5, 40]]],
      outputs: [["y", undefined]],
      initializers: [floatTensor("w", [40, 32], big), floatTensor("mask", [32], mask), floatTensor("eps", [], [1e-12])],
    });
    const { plan, model: written, warnings } = await quantizeSmall(model, { format: "fp16" });
    const constants = constantsOf(written);
    expect(halves(constants.get("mask_f16"))[3]).toBe(-65504);
    expect(halves(constants.get("mask_f16"))[5]).toBe(-Infinity);
    expect(halves(constants.get("eps_f16"))).toEqual([2 ** -23]);
    expect(plan.warnings).toEqual(['"mask": 1 value is outside the f16 range and became +-65504.']);
    expect(warnings).toEqual(['"w": 2 values are outside the f16 range and became +-65504.']);
  });

  it("keeps a default that callers may replace an f32 input", async () => {
    const model = smallModel({
      ...linear,
      inputs: [
        ["x", [5, 40]],
        ["b", [32]],
      ],
    });
    const { model: written, bytes } = await quantizeSmall(model, { format: "fp16" });
    expect(portTypes(written)).toEqual([1, 1, 1]);
    expect(constantsOf(written).get("b")?.dataType).toBe(OnnxType.FLOAT);
    const other = floatInput("b", [32], 9);
    const [expected] = await runOracle(await onnxBytes(model), [x, other]);
    const [actual] = await runOracle(bytes, [x, other]);
    expect(largestDifference(expected?.data ?? [], actual?.data ?? [])).toBeLessThan(5e-3);
  });

  it("takes a Loop's types from what it is given", async () => {
    const body = smallGraph({
      nodes: [op("Identity", ["go"], ["go_out"]), op("Add", ["s", "s"], ["s_out"])],
      inputs: [
        ["k", [], i64],
        ["go", [], bool],
      ],
      outputs: [["go_out", [], bool]],
    });
    const untyped = { ...body, inputs: [...body.inputs, { name: "s" }], outputs: [...body.outputs, { name: "s_out" }] };
    const model = smallModel({
      nodes: [
        op("MatMul", ["x", "w"], ["p"]),
        op("Loop", ["n", "", "axis"], ["doubled"], { body: { type: "graph", value: untyped } }),
        op("ReduceSum", ["p", "doubled"], ["y"]),
      ],
      inputs: [["x", [5, 40]]],
      outputs: [["y", undefined]],
      initializers: [randomTensor("w", [40, 32], 0.1), intTensor("n", [1], []), intTensor("axis", [0])],
    });
    const { plan, bytes, restored } = await quantizeSmall(model, { format: "fp16" });
    expect(plan.warnings).toEqual([]);
    const [[expected], [actual]] = [await runOracle(restored, [x]), await runOracle(bytes, [x])];
    expect(largestDifference(expected?.data ?? [], actual?.data ?? [])).toBeLessThan(5e-3);
  });

  it("refuses operator sets whose Cast names types by text", async () => {
    await expect(quantizeSmall(smallModel({ ...linear, opset: 5 }), { format: "fp16" })).rejects.toThrow(
      "Operator set 5 is older than 6",
    );
  });

  it("leaves the model that it was given as it was", async () => {
    const model = smallModel(linear);
    const before = await onnxBytes(model);
    await quantizeSmall(model, { format: "fp16" });
    expect(await onnxBytes(model)).toEqual(before);
  });
});
