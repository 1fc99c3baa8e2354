// Each rewrite against onnxruntime: the quantized model computes what the float model computes with the decoded
// weights put back.
import { describe, expect, it } from "vitest";
import type { QuantizeRecipe } from "../../../src/compress/plan-compression.ts";
import type { InputTensor } from "../../../src/evaluate/tensors.ts";
import { OnnxType } from "../../../src/formats/onnx/ir.ts";
import { collectScopes, NameSpace } from "../../../src/model/scopes.ts";
import {
  floatInput,
  floatTensor,
  halfTensor,
  intTensor,
  largestDifference,
  op,
  randomTensor,
  smallGraph,
  smallModel,
  type SmallModel,
} from "../../support/onnx-models.ts";
import { operatorsOf, quantizeSmall } from "../../support/quantized.ts";
import { runOracle } from "../../support/ort.ts";
import { runPlainly } from "../../support/ort-plain.ts";
import { seededRandom } from "../../../src/base/random.ts";

interface Case extends SmallModel {
  readonly name: string;
  readonly feeds: readonly InputTensor[];
  readonly recipes: readonly (readonly [recipe: QuantizeRecipe, operator: string])[];
  /** Relative to the largest output; default 2e-5. */
  readonly tolerance?: number;
}

const int8: QuantizeRecipe = { format: "int8" };
const int4: QuantizeRecipe = { format: "int4", formatOptions: { search: { kind: "absmax" } } };
const uint4: QuantizeRecipe = { format: "uint4", formatOptions: { search: { kind: "absmax" } } };
const dynamic: QuantizeRecipe = { format: "dynamic-int8" };
const dynamicUnsigned: QuantizeRecipe = { format: "dynamic-uint8" };
const dq = "DequantizeLinear";
const nbits = "MatMulNBits";
const bool = OnnxType.BOOL;

/** Every granularity and symmetry of DequantizeLinear. */
const allDequantize: Case["recipes"] = (["int8", "uint8", "int4", "uint4", "int2", "uint2"] as const).flatMap(
  (format) =>
    (["tensor", "channel", "block"] as const).flatMap((granularity) =>
      [true, false].map((symmetric) => {
        const formatOptions = {
          granularity,
          symmetric,
          operator: "dequantize-linear",
          search: { kind: "absmax" },
        } as const;
        return [{ format, formatOptions }, dq] as const;
      }),
    ),
);

/** Integers from 0 to 255, both there: DynamicQuantizeLinear keeps them exactly, with scale 1. */
const byteInput = (name: string, dims: readonly number[]): InputTensor => {
  const random = seededRandom(5, name);
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.int(0, 256));
  data[0] = 0;
  data[data.length - 1] = 255;
  return { name, dtype: "f32", dims, data };
};

const x = floatInput("x", [5, 40]);
const one = (
  name: string,
  node: Parameters<typeof op>,
  weight: readonly number[],
  input: InputTensor,
  recipes: Case["recipes"],
  more: Partial<Case> = {},
): Case => ({
  name,
  opset: 13,
  nodes: [op(...node)],
  inputs: [[input.name, undefined]],
  outputs: [["y", undefined]],
  initializers: [randomTensor("w", weight)],
  feeds: [input],
  recipes,
  ...more,
});

const gemmForms = [
  {},
  { transB: 1n },
  { transA: 1n },
  { alpha: 0.5, beta: 2 },
  { transA: 1n, transB: 1n, alpha: -1.5 },
  { beta: 0 },
] as const;

const matmuls: readonly Case[] = [
  one("MatMul", ["MatMul", ["x", "w"], ["y"]], [40, 24], x, [
    [int8, dq],
    [int4, nbits],
    [uint4, nbits],
    [{ format: "int8", formatOptions: { granularity: "block", blockSize: 16, operator: "matmul-nbits" } }, nbits],
    [{ format: "uint8", formatOptions: { granularity: "block", blockSize: 32, operator: "matmul-nbits" } }, nbits],
    [{ format: "int2" }, nbits],
    [{ format: "uint2" }, nbits],
    [{ format: "nf4" }, "MatMulBnb4"],
    [{ format: "fp4" }, "MatMulBnb4"],
    ...allDequantize,
  ]),
  one("MatMul of dynamic int8", ["MatMul", ["x", "w"], ["y"]], [40, 24], byteInput("x", [5, 40]), [
    [dynamic, "MatMulInteger"],
    [dynamicUnsigned, "MatMulInteger"],
  ]),
  one("MatMul, rank 3", ["MatMul", ["x", "w"], ["y"]], [40, 24], floatInput("x", [2, 5, 40]), [
    [int4, nbits],
    [int8, dq],
    [{ format: "nf4" }, "MatMulBnb4"],
  ]),
  one("MatMul of a vector", ["MatMul", ["x", "w"], ["y"]], [40, 24], floatInput("x", [40]), [
    [int8, dq],
    [uint4, nbits],
    [{ format: "nf4" }, "MatMulBnb4"],
  ]),
  one("MatMul, constant batch of 1", ["MatMul", ["x", "w"], ["y"]], [1, 40, 24], floatInput("x", [2, 5, 40]), [
    [int4, dq],
    [int8, dq],
    ...allDequantize,
  ]),
  one(
    "MatMul, constant batch of 1, rank known",
    ["MatMul", ["x", "w"], ["y"]],
    [1, 40, 24],
    floatInput("x", [2, 5, 40]),
    [
      [int4, nbits],
      [dynamic, "MatMulInteger"],
    ],
    { inputs: [["x", ["b", "n", 40]]], tolerance: 0.02 },
  ),
  one(
    "MatMul, constant batch of 1, rank raised by it",
    ["MatMul", ["x", "w"], ["y"]],
    [1, 40, 24],
    x,
    [
      [int4, nbits],
      [{ format: "nf4" }, "MatMulBnb4"],
    ],
    { inputs: [["x", ["n", 40]]] },
  ),
  one(
    "a vector by a constant batch of 1",
    ["MatMul", ["x", "w"], ["y"]],
    [1, 40, 24],
    floatInput("x", [40]),
    [[int4, nbits]],
    { inputs: [["x", [40]]] },
  ),
  one("MatMul, constant batch", ["MatMul", ["x", "w"], ["y"]], [3, 40, 24], floatInput("x", [2, 3, 5, 40]), [
    [int4, dq],
    [int8, dq],
    ...allDequantize,
  ]),
  one("MatMul, constant first", ["MatMul", ["w", "x"], ["y"]], [24, 40], floatInput("x", [40, 5]), [
    [int4, dq],
    [int8, dq],
    [dynamic, dq],
    ...allDequantize,
  ]),
  ...[false, true].flatMap((bias) =>
    gemmForms.map((attributes) => {
      const [m, k, n] = [5, 40, 24];
      const transB = "transB" in attributes;
      return one(
        `Gemm ${Object.keys(attributes).join(" ")}${bias ? " with a bias" : ""}`,
        ["Gemm", bias ? ["x", "w", "c"] : ["x", "w"], ["y"], attributes],
        transB ? [n, k] : [k, n],
        floatInput("x", "transA" in attributes ? [k, m] : [m, k]),
        [
          [int4, nbits],
          [uint4, nbits],
          [int8, dq],
          [{ format: "nf4" }, "MatMulBnb4"],
        ],
        { initializers: [randomTensor("w", transB ? [n, k] : [k, n]), randomTensor("c", bias ? [n] : [1])] },
      );
    }),
  ),
  one(
    "Gemm of dynamic int8",
    ["Gemm", ["x", "w", "c"], ["y"], { transB: 1n, alpha: 0.5, beta: 2 }],
    [24, 40],
    byteInput("x", [5, 40]),
    [
      [dynamic, "MatMulInteger"],
      [dynamicUnsigned, "MatMulInteger"],
    ],
    { initializers: [randomTensor("w", [24, 40]), randomTensor("c", [5, 1])] },
  ),
  one("Gemm, constant first", ["Gemm", ["w", "x"], ["y"], { transA: 1n }], [40, 24], floatInput("x", [40, 5]), [
    [int4, dq],
    [int8, dq],
    ...allDequantize,
  ]),
  one(
    "MatMul of halves",
    ["MatMul", ["h", "w"], ["p"]],
    [40, 24],
    x,
    [
      [int4, nbits],
      [uint4, nbits],
      [int8, dq],
      [{ format: "uint8", formatOptions: { granularity: "tensor" } }, dq],
    ],
    {
      nodes: [
        op("Cast", ["x"], ["h"], { to: 10n }),
        op("Gemm", ["h", "w"], ["p"], { alpha: 0.25 }),
        op("Cast", ["p"], ["y"], { to: 1n }),
      ],
      initializers: [halfTensor("w", [40, 24], randomTensorValues("w", 960))],
      tolerance: 2e-3,
    },
  ),
];

function randomTensorValues(name: string, count: number): Float32Array {
  return seededRandom(1, name).normals(count);
}

const convolution = (
  name: string,
  opType: "Conv" | "ConvTranspose",
  weight: readonly number[],
  input: readonly number[],
  attributes: Parameters<typeof op>[3],
  bias?: number,
): Case[] => [
  one(
    name,
    [opType, ["x", "w", ...(bias ? ["b"] : [])], ["y"], attributes],
    weight,
    floatInput("x", input),
    [[int8, dq], [int4, dq], ...allDequantize],
    { initializers: [randomTensor("w", weight), ...(bias ? [randomTensor("b", [bias])] : [])] },
  ),
  ...(opType === "Conv"
    ? [
        one(
          `${name}, dynamic`,
          [opType, ["x", "w", ...(bias ? ["b"] : [])], ["y"], attributes],
          weight,
          byteInput("x", input),
          [
            [dynamic, "ConvInteger"],
            [dynamicUnsigned, "ConvInteger"],
          ],
          { initializers: [randomTensor("w", weight), ...(bias ? [randomTensor("b", [bias], 100)] : [])] },
        ),
      ]
    : []),
];

const convolutions: readonly Case[] = [
  ...convolution("Conv 2-D", "Conv", [6, 5, 3, 3], [2, 5, 7, 6], { pads: [1n, 0n, 1n, 2n], strides: [2n, 1n] }, 6),
  ...convolution("Conv 2-D in groups", "Conv", [6, 4, 3, 3], [1, 12, 5, 5], { group: 3n, dilations: [1n, 2n] }),
  ...convolution("Conv depthwise", "Conv", [8, 1, 3, 3], [1, 8, 5, 5], { group: 8n, auto_pad: "SAME_UPPER" }, 8),
  ...convolution("Conv 1-D", "Conv", [6, 5, 7], [2, 5, 20], { strides: [3n] }, 6),
  ...convolution("Conv 3-D", "Conv", [4, 3, 3, 2, 3], [1, 3, 5, 4, 6], { pads: [1n, 1n, 1n, 1n, 1n, 1n] }, 4),
  ...convolution("ConvTranspose 2-D", "ConvTranspose", [5, 6, 3, 3], [1, 5, 4, 4], { strides: [2n, 2n] }, 6),
  ...convolution("ConvTranspose in groups", "ConvTranspose", [6, 4, 3, 3], [1, 6, 4, 4], { group: 2n }, 8),
  ...convolution("ConvTranspose 1-D", "ConvTranspose", [5, 6, 4], [1, 5, 9], { strides: [2n] }),
];

const ids: InputTensor = {
  name: "i",
  dtype: "i64",
  dims: [2, 3],
  data: Float64Array.of(0, 5, 49, 7, 7, 3),
};
const i64 = OnnxType.INT64;

const embeddings: readonly Case[] = [
  one(
    "Gather of rows",
    ["Gather", ["w", "i"], ["y"]],
    [50, 64],
    ids,
    [
      [int4, "GatherBlockQuantized"],
      [uint4, "GatherBlockQuantized"],
      [int8, "Gather"],
      [dynamic, "Gather"],
      [dynamicUnsigned, dq],
      ...allDequantize,
    ],
    { inputs: [["i", undefined, i64]] },
  ),
  one(
    "Gather of columns",
    ["Gather", ["w", "i"], ["y"], { axis: 1n }],
    [40, 64],
    ids,
    [
      [int4, dq],
      [int8, dq],
    ],
    { inputs: [["i", undefined, i64]] },
  ),
  one(
    "Gather of rows whose width is no multiple of the block",
    ["Gather", ["w", "i"], ["y"]],
    [50, 40],
    ids,
    [
      [int4, dq],
      [int8, "Gather"],
    ],
    { inputs: [["i", undefined, i64]] },
  ),
  {
    name: "an embedding tied to the last MatMul",
    nodes: [
      op("Gather", ["w", "i"], ["e"]),
      op("Transpose", ["w"], ["t"], { perm: [1n, 0n] }),
      op("MatMul", ["e", "t"], ["y"]),
    ],
    inputs: [["i", [2, 3], i64]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [50, 64])],
    feeds: [ids],
    recipes: [
      [int4, dq],
      [int8, dq],
      [dynamic, dq],
    ],
  },
  {
    name: "one weight in Gather, MatMul and Gemm",
    nodes: [
      op("Gather", ["w", "i"], ["e"], { axis: 1n }),
      op("MatMul", ["x", "w"], ["p"]),
      op("Gemm", ["p", "w"], ["q"], { transB: 1n }),
      op("ReduceSum", ["e"], ["s"], { keepdims: 0n }),
      op("Add", ["q", "s"], ["y"]),
    ],
    inputs: [
      ["x", [5, 40]],
      ["i", [2, 3], i64],
    ],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 64])],
    feeds: [x, ids],
    recipes: [
      [int4, dq],
      [int8, dq],
      [dynamic, dq],
    ],
  },
  {
    name: "one weight in two MatMuls and in the graph's outputs",
    nodes: [op("MatMul", ["x", "w"], ["a"]), op("MatMul", ["x", "w"], ["b"]), op("Add", ["a", "b"], ["y"])],
    inputs: [["x", [5, 40]]],
    outputs: [
      ["y", undefined],
      ["w", [40, 32]],
    ],
    initializers: [randomTensor("w", [40, 32])],
    feeds: [x],
    recipes: [
      [int4, dq],
      [int8, dq],
      [dynamic, dq],
    ],
  },
];

const recurrent = (opType: "LSTM" | "GRU", directions: 1 | 2): Case => {
  const gates = opType === "LSTM" ? 4 : 3;
  const [input, hidden] = [20, 16];
  return {
    name: `${opType}, ${directions === 1 ? "forward" : "both directions"}`,
    opset: 14,
    nodes: [
      op(opType, ["x", "w", "r", "b", "", "h"], ["y"], {
        hidden_size: BigInt(hidden),
        direction: directions === 1 ? "forward" : "bidirectional",
      }),
    ],
    inputs: [["x", [4, 2, input]]],
    outputs: [["y", undefined]],
    initializers: [
      randomTensor("w", [directions, gates * hidden, input], 0.3),
      randomTensor("r", [directions, gates * hidden, hidden], 0.3),
      randomTensor("b", [directions, 2 * gates * hidden], 0.3),
      randomTensor("h", [directions, 2, hidden], 0.3),
    ],
    feeds: [floatInput("x", [4, 2, input])],
    recipes: [[int8, dq], [int4, dq], ...allDequantize],
  };
};

/** Activations and states are quantized at run time, which the float model's are not. */
const dynamicLstm: Pick<Case, "recipes" | "tolerance"> = {
  recipes: [
    [dynamic, "DynamicQuantizeLSTM"],
    [dynamicUnsigned, "DynamicQuantizeLSTM"],
  ],
  tolerance: 0.03,
};

const recurrents: readonly Case[] = [
  recurrent("LSTM", 1),
  recurrent("LSTM", 2),
  recurrent("GRU", 1),
  recurrent("GRU", 2),
  { ...recurrent("LSTM", 1), ...dynamicLstm, name: "DynamicQuantizeLSTM, forward" },
  { ...recurrent("LSTM", 2), ...dynamicLstm, name: "DynamicQuantizeLSTM, both directions" },
  { ...recurrent("GRU", 1), name: "GRU, dynamic", recipes: [[dynamic, dq]] },
];

const held: readonly Case[] = [
  {
    name: "weights in Constant nodes",
    opset: 11,
    nodes: [
      op("Constant", [], ["w"], { value: { type: "tensor", value: randomTensor("w", [40, 32]) } }),
      op("MatMul", ["x", "w"], ["p"]),
      op("Constant", [], ["v"], { value: { type: "tensor", value: randomTensor("v", [32, 16]) } }),
      op("Gemm", ["p", "v"], ["y"]),
    ],
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined]],
    feeds: [x],
    recipes: [[int4, nbits], [int8, dq], [{ format: "nf4" }, "MatMulBnb4"], ...allDequantize],
  },
  {
    name: "weights in and around sub-graphs",
    opset: 13,
    nodes: [
      op("If", ["c"], ["y"], {
        then_branch: {
          type: "graph",
          value: smallGraph({
            nodes: [op("MatMul", ["x", "inner"], ["p"]), op("MatMul", ["p", "outer"], ["t"])],
            inputs: [],
            outputs: [["t", undefined]],
            initializers: [randomTensor("inner", [40, 32])],
          }),
        },
        else_branch: {
          type: "graph",
          value: smallGraph({
            nodes: [
              op("Constant", [], ["inner"], { value: { type: "tensor", value: randomTensor("other", [40, 32]) } }),
              op("MatMul", ["x", "inner"], ["q"]),
              op("MatMul", ["q", "outer"], ["e"]),
            ],
            inputs: [],
            outputs: [["e", undefined]],
          }),
        },
      }),
    ],
    inputs: [
      ["x", [5, 40]],
      ["c", [], bool],
    ],
    outputs: [["y", undefined]],
    initializers: [randomTensor("outer", [32, 16])],
    feeds: [x, { name: "c", dtype: "bool", dims: [], data: Float32Array.of(0) }],
    recipes: [
      [int4, nbits],
      [int8, dq],
      [{ format: "nf4" }, "MatMulBnb4"],
    ],
  },
  {
    name: "initializers listed as inputs, IR version 3",
    opset: 8,
    ir: 3,
    nodes: [op("MatMul", ["x", "w"], ["p"]), op("Add", ["p", "b"], ["y"])],
    inputs: [
      ["x", [5, 40]],
      ["w", [40, 32]],
      ["b", [32]],
    ],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 32]), randomTensor("b", [32])],
    feeds: [x],
    recipes: [
      [int4, nbits],
      [int8, dq],
      [dynamic, "MatMulInteger"],
    ],
    tolerance: 0.02,
  },
];

const describeRecipe = ({ format, formatOptions = {} }: QuantizeRecipe): string =>
  [format, formatOptions.granularity, formatOptions.symmetric === false ? "asymmetric" : ""].filter(Boolean).join(" ");

for (const [group, cases] of Object.entries({ matmuls, convolutions, embeddings, recurrents, held })) {
  describe(group, () => {
    for (const { name, feeds, recipes, tolerance = 2e-5, ...parts } of cases) {
      it(name, async () => {
        const model = smallModel(parts);
        for (const [recipe, operator] of recipes) {
          const { plan, bytes, model: written, restored } = await quantizeSmall(model, recipe);
          const what = describeRecipe(recipe);
          expect(plan.skipped, what).toEqual([]);
          expect(plan.tensors[0]?.operator, what).toBe(operator);
          expect(operatorsOf(written), what).toContain(operator);
          const expected = await runPlainly(restored, feeds);
          const actual = await runPlainly(bytes, feeds);
          for (const [i, { dims, data }] of expected.entries()) {
            expect(actual[i]?.dims, what).toEqual(dims);
            expect(largestDifference(data, actual[i]?.data ?? []), what).toBeLessThan(tolerance);
          }
        }
      });
    }
  });
}

it("leaves a replaceable default of IR version 4 alone", async () => {
  const model = smallModel({
    opset: 13,
    nodes: [op("MatMul", ["x", "w"], ["p"]), op("MatMul", ["p", "v"], ["y"])],
    inputs: [
      ["x", [5, 40]],
      ["w", [40, 32]],
    ],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 32]), randomTensor("v", [32, 16])],
  });
  const { plan } = await quantizeSmall(model, int8);
  expect(plan.skipped).toEqual([{ name: "w", reason: "graph input with a default value: a caller may replace it" }]);
});

it("leaves the left one of two multiplied constants alone", async () => {
  const model = smallModel({
    nodes: [op("MatMul", ["v", "w"], ["y"])],
    inputs: [],
    outputs: [["y", undefined]],
    initializers: [randomTensor("v", [40, 40]), randomTensor("w", [40, 32])],
  });
  const { plan, bytes, restored } = await quantizeSmall(model, { format: "uint8" });
  expect(plan.skipped).toEqual([{ name: "v", reason: "multiplied by another constant: nothing depends on the input" }]);
  const [[expected], [actual]] = [await runOracle(restored, []), await runOracle(bytes, [])];
  expect(largestDifference(expected?.data ?? [], actual?.data ?? [])).toBeLessThan(0.02);
});

const turned = (from: string, to: string) => op("Transpose", [from], [to], { perm: [1n, 0n] });

it.each([
  ["the right one behind Identity", [op("Identity", ["w"], ["b"]), op("MatMul", ["v", "b"], ["p"])]],
  ["the left one behind Identity", [op("Identity", ["v"], ["a"]), op("MatMul", ["a", "w"], ["p"])]],
  ["the right one transposed", [turned("w", "b"), op("Gemm", ["v", "b"], ["p"])]],
  [
    "both transposed, one twice",
    [turned("v", "c"), turned("c", "a"), turned("w", "b"), op("MatMul", ["a", "b"], ["p"])],
  ],
] as const)("leaves the left one of two multiplied constants alone: %s", async (_, nodes) => {
  const model = smallModel({
    nodes: [...nodes, op("MatMul", ["x", "p"], ["y"])],
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("v", [40, 40]), randomTensor("w", [40, 40])],
  });
  const { plan, bytes, restored } = await quantizeSmall(model, { format: "uint8" });
  expect(plan.skipped).toEqual([{ name: "v", reason: "multiplied by another constant: nothing depends on the input" }]);
  expect(plan.tensors.map(({ name }) => name)).toEqual(["w"]);
  const [[expected], [actual]] = [await runOracle(restored, [x]), await runOracle(bytes, [x])];
  expect(largestDifference(expected?.data ?? [], actual?.data ?? [])).toBeLessThan(0.02);
});

const weightOf = (scale: number) =>
  smallModel({
    nodes: [op("MatMul", ["x", "w"], ["y"])],
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 32], scale)],
  });

it("warns of weights whose size the format's scales do not reach", async () => {
  for (const scale of [1e-3, 1, 1e3]) expect((await quantizeSmall(weightOf(scale), int8)).warnings).toEqual([]);
  for (const [scale, recipe] of [
    [1e33, int8],
    [1e7, { format: "q4f16" }],
  ] as const) {
    const { warnings } = await quantizeSmall(weightOf(scale), recipe);
    expect(warnings).toEqual([expect.stringContaining(`"w": ${recipe.format} keeps little of its values`)]);
  }
});

it("leaves weights alone whose packed form would not be smaller, unless a rule asks", async () => {
  const model = smallModel({
    nodes: [op("MatMul", ["x", "narrow"], ["p"]), op("MatMul", ["p", "w"], ["y"])],
    inputs: [["x", [5, 1]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("narrow", [1, 40]), randomTensor("w", [40, 32])],
  });
  const { plan } = await quantizeSmall(model, int8);
  expect(plan.skipped).toEqual([{ name: "narrow", reason: "would not shrink: 200 bytes packed, 160 now" }]);
  const asked = await quantizeSmall(model, { ...int8, rules: [{ pattern: "narrow", format: "int8" }] });
  expect(asked.plan.tensors.map(({ name }) => name)).toEqual(["narrow", "w"]);
});

it("takes no operator of another domain for the one whose name it has", async () => {
  const model = smallModel({
    nodes: [
      op("LSTM", ["x", "own"], ["h"], {}, "local"),
      op("Gather", ["own", "h"], ["g"], {}, "local"),
      op("MatMul", ["g", "w"], ["y"]),
    ],
    domains: ["local"],
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("own", [40, 40]), randomTensor("w", [40, 32])],
  });
  const { plan } = await quantizeSmall(model, { format: "int4", formatOptions: { operator: "dequantize-linear" } });
  expect(plan.tensors.map(({ name }) => name)).toEqual(["w"]);
});

it("gives no tensor the name of a sparse initializer", () => {
  const model = smallModel({ nodes: [], inputs: [], outputs: [] });
  const scopes = collectScopes({ ...model, graph: { ...model.graph, sparseNames: ["w_quantized"] } });
  expect(new NameSpace(scopes).fresh("w_quantized")).toBe("w_quantized_1");
});

it("needs no newer operator set for the contributed operators", async () => {
  const model = smallModel({
    opset: 9,
    nodes: [op("MatMul", ["x", "w"], ["y"])],
    inputs: [["x", [5, 40]]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", [40, 32]), floatTensor("unused", [1], [0]), intTensor("axes", [0])],
  });
  const { model: written } = await quantizeSmall(model, int4);
  expect(written.opsets).toEqual([
    { domain: "", version: 9 },
    { domain: "com.microsoft", version: 1 },
  ]);
  expect(written.irVersion).toBe(4);
});
