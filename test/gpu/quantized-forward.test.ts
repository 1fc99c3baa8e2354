// The executor on what our own quantizer writes: every format on small graphs and on the real models, against
// onnxruntime's CPU provider, node by node as they are written.
import { describe, expect, it } from "vitest";
import type { ByteSource } from "../../src/base/bytes.ts";
import { FormatError, UnsupportedError } from "../../src/base/errors.ts";
import type { QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { Executor } from "../../src/execute/executor.ts";
import { OnnxType, type OnnxModel } from "../../src/formats/onnx/ir.ts";
import { makeTensor } from "../../src/formats/onnx/make.ts";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { fromFile } from "../../src/node-files.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { dataModel, dataModelInputs, type DataModel } from "../support/data-models.ts";
import { compareWith } from "../support/forward.ts";
import { testDevice } from "../support/gpu.ts";
import { floatTensor, intTensor, onnxBytes, onnxSource, op, randomTensor, smallModel } from "../support/onnx-models.ts";
import { runPlainly } from "../support/ort-plain.ts";
import { operatorsOf, quantizeOn } from "../support/quantized.ts";
import { cnnAt, picture, recurrent, sequence } from "../support/small-graphs.ts";

const device = testDevice();
const executing = async (): Promise<WebGpuBackend> => new WebGpuBackend(await device(), graphKernelSpecs);

const quantized = async (source: ByteSource, recipe: QuantizeRecipe): Promise<Uint8Array> =>
  await quantizeOn(new WebGpuBackend(await device(), kernelSpecs), source, recipe);

/** Largest error over the largest magnitude, of all outputs. */
async function errorOf(model: Uint8Array, inputs: readonly InputTensor[]): Promise<number> {
  const found = await compareWith(await runPlainly(model, inputs), model, inputs, await executing());
  expect(found.length).toBeGreaterThan(0);
  return Math.max(...found.map(({ error }) => error));
}

/** Products of both orders behind an embedding; 96 inputs are several blocks of each size up to 32. */
const products: OnnxModel = smallModel({
  opset: 21,
  nodes: [
    op("Gather", ["table", "ids"], ["embedded"]),
    op("MatMul", ["embedded", "w0"], ["h0"]),
    op("Add", ["h0", "b0"], ["h1"]),
    op("Relu", ["h1"], ["h2"]),
    op("MatMul", ["h2", "w1"], ["h3"]),
    op("Reshape", ["h3", "flat"], ["h4"]),
    op("Gemm", ["h4", "w2", "b2"], ["y"], { transB: 1n }),
  ],
  inputs: [["ids", [2, 5], OnnxType.INT64]],
  outputs: [["y", undefined]],
  initializers: [
    randomTensor("table", [40, 96]),
    randomTensor("w0", [96, 70], 0.1),
    randomTensor("b0", [70]),
    randomTensor("w1", [70, 64], 0.1),
    intTensor("flat", [10, 64]),
    randomTensor("w2", [33, 64], 0.1),
    randomTensor("b2", [33]),
  ],
});
const ids: InputTensor = {
  name: "ids",
  dtype: "i64",
  dims: [2, 5],
  data: Float64Array.from({ length: 10 }, (_, i) => (i * 7) % 40),
};

interface Case {
  readonly title: string;
  readonly model: OnnxModel;
  readonly inputs: readonly InputTensor[];
  readonly recipe: QuantizeRecipe;
  /** An operator that the file must use, or the case would prove nothing. */
  readonly uses: string;
  /** Largest error over the largest magnitude; 1e-4 where the engine computes in floats. */
  readonly bound?: number;
}

const absmax = { search: { kind: "absmax" } } as const;
const product = (title: string, uses: string, recipe: QuantizeRecipe, bound?: number): Case => ({
  title,
  model: products,
  inputs: [ids],
  recipe,
  uses,
  ...(bound === undefined ? {} : { bound }),
});

/** onnxruntime rounds the result of every node to f16; the executor keeps f32 between nodes. */
const halves = 4e-3;
/** A value next to a tie gets one code on one side and its neighbour on the other: a few steps of 1/255. */
const codeSteps = 1e-2;

const cases: readonly Case[] = [
  product("int8", "DequantizeLinear", { format: "int8" }),
  product("uint8", "DequantizeLinear", { format: "uint8" }),
  product("int8 by block", "MatMulNBits", {
    format: "int8",
    formatOptions: { granularity: "block", blockSize: 16, operator: "matmul-nbits" },
  }),
  product("int4", "MatMulNBits", { format: "int4", formatOptions: absmax }),
  product("int4, embedding", "GatherBlockQuantized", { format: "int4", formatOptions: absmax }),
  product("int4, symmetric", "MatMulNBits", { format: "int4", formatOptions: { ...absmax, symmetric: true } }),
  product("int4, blocks of 16", "MatMulNBits", { format: "int4", formatOptions: { ...absmax, blockSize: 16 } }),
  product("int4, blocks longer than a row", "MatMulNBits", {
    format: "int4",
    formatOptions: { ...absmax, blockSize: 128 },
  }),
  product("int4, decoded", "DequantizeLinear", {
    format: "int4",
    formatOptions: { ...absmax, operator: "dequantize-linear", blockSize: 16 },
  }),
  product("int2", "MatMulNBits", { format: "int2", formatOptions: absmax }),
  product("uint2", "MatMulNBits", { format: "uint2", formatOptions: absmax }),
  product("nf4", "MatMulBnb4", { format: "nf4" }),
  product("fp4", "MatMulBnb4", { format: "fp4" }),
  product("fp16", "Cast", { format: "fp16" }, halves),
  product("q4f16", "MatMulNBits", { format: "q4f16" }, halves),
  product("dynamic-int8", "MatMulInteger", { format: "dynamic-int8" }, codeSteps),
  product("dynamic-uint8", "MatMulInteger", { format: "dynamic-uint8" }, codeSteps),
  ...(["int8", "int4", "fp16", "dynamic-uint8"] as const).map((format): Case => ({
    title: `convolutions, ${format}`,
    model: cnnAt(21),
    inputs: [picture],
    recipe: { format },
    uses: { int8: "DequantizeLinear", int4: "DequantizeLinear", fp16: "Cast", "dynamic-uint8": "ConvInteger" }[format],
    bound: { int8: 1e-4, int4: 1e-4, fp16: halves, "dynamic-uint8": codeSteps }[format],
  })),
  {
    title: "LSTM, int8",
    model: recurrent,
    inputs: [sequence],
    recipe: { format: "int8" },
    uses: "DequantizeLinear",
  },
  {
    // The engine rounds inputs and states to 8 bits at each of six steps; the executor does not.
    title: "LSTM, dynamic-int8",
    model: recurrent,
    inputs: [sequence],
    recipe: { format: "dynamic-int8" },
    uses: "DynamicQuantizeLSTM",
    bound: 3e-2,
  },
];

describe("what the quantizer writes", () => {
  it.each(cases)("$title", async ({ model, inputs, recipe, uses, bound = 1e-4 }) => {
    const bytes = await quantized(await onnxSource(model), { skip: false, ...recipe });
    expect(operatorsOf(await readOnnx(fromBytes("quantized.onnx", bytes)))).toContain(uses);
    expect(await errorOf(bytes, inputs)).toBeLessThanOrEqual(bound);
  });
});

/** Models and formats; each pair runs operators that the others do not. */
const real: readonly (readonly [DataModel["id"], QuantizeRecipe, number])[] = [
  ["fashion-cnn", { format: "int8" }, 1e-4],
  ["fashion-cnn", { format: "dynamic-uint8" }, codeSteps],
  ["tiny-llama", { format: "int4", formatOptions: absmax }, 1e-4],
  ["tiny-llama", { format: "nf4" }, 1e-4],
  ["tiny-llama", { format: "dynamic-int8" }, codeSteps],
  ["tiny-llama", { format: "q4f16" }, halves],
  ["ocr-cls", { format: "int8" }, 1e-4],
  ["vad", { format: "int8" }, 1e-4],
];

describe("real models", () => {
  it.each(real)("%s, %j", async (id, recipe, bound) => {
    const model = dataModel(id);
    const source = await fromFile(model.path);
    try {
      expect(await errorOf(await quantized(source, recipe), dataModelInputs(model, 3))).toBeLessThanOrEqual(bound);
    } finally {
      await source.close?.();
    }
  });
});

const packedWeight = (dims: readonly number[]): ReturnType<typeof makeTensor> =>
  makeTensor(
    "w",
    OnnxType.UINT8,
    dims,
    Uint8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i * 37),
  );

const blockProduct = (x: readonly number[], constant: boolean): OnnxModel =>
  smallModel({
    opset: 21,
    domains: ["com.microsoft"],
    nodes: [
      op("MatMulNBits", ["x", "w", "scales"], ["y"], { K: 64n, N: 4n, bits: 4n, block_size: 32n }, "com.microsoft"),
    ],
    inputs: [["x", x], ...(constant ? [] : [["w", [4, 2, 16], OnnxType.UINT8] as const])],
    outputs: [["y", undefined]],
    initializers: [...(constant ? [packedWeight([4, 2, 16])] : []), floatTensor("scales", [8], new Float32Array(8))],
  });

async function planOf(model: OnnxModel, inputs: Readonly<Record<string, readonly number[]>>): Promise<unknown> {
  using executor = await Executor.create(
    await readOnnx(fromBytes("small.onnx", await onnxBytes(model))),
    await executing(),
  );
  const given = Object.entries(inputs).map(([name, dims]) => [
    name,
    { dims, data: new Float64Array(dims.reduce((a, b) => a * b, 1)) },
  ]);
  return executor.plan(Object.fromEntries(given));
}

describe("what can't be run", () => {
  it("refuses rows that are not K long", async () => {
    await expect(planOf(blockProduct([2, 60], true), { x: [2, 60] })).rejects.toThrow(FormatError);
  });

  it("refuses packed weights that a run computes", async () => {
    const refused = planOf(blockProduct([2, 64], false), { x: [2, 64], w: [4, 2, 16] });
    await expect(refused).rejects.toThrow(UnsupportedError);
    await expect(refused).rejects.toThrow(/not a constant/);
  });

  it("refuses matrices of codes that do not fit", async () => {
    const model = smallModel({
      opset: 17,
      nodes: [op("MatMulInteger", ["x", "w"], ["y"])],
      inputs: [["x", [2, 5], OnnxType.UINT8]],
      outputs: [["y", undefined, OnnxType.INT32]],
      initializers: [packedWeight([4, 3])],
    });
    await expect(planOf(model, { x: [2, 5] })).rejects.toThrow(FormatError);
  });
});
