// Whole graphs simulated under static scales, against the same integers in onnxruntime: QDQ graphs at operator sets 13
// and 21 of small graphs, of the zoo and of real models.
import { describe, expect, it } from "vitest";
import { elementCount } from "../../src/base/dtypes.ts";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { getInt } from "../../src/formats/onnx/attributes.ts";
import type { OnnxModel, OnnxNode } from "../../src/formats/onnx/ir.ts";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import { readTensorBytes } from "../../src/formats/onnx/tensor-data.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import type { HookOutput, LoweringHooks } from "../../src/graph/hooks.ts";
import type { FakeQuantRule } from "../../src/methods/fake-quant/rules.ts";
import { fromFile } from "../../src/node-files.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { dataModel, dataModelInputs } from "../support/data-models.ts";
import { inSteps, roundingSteps, runGraph } from "../support/fake-quant.ts";
import { cnn, picture, recurrent, sequence, tokens, transformer } from "../support/small-graphs.ts";
import { testDevice } from "../support/gpu.ts";
import { largestDifference, onnxBytes, op, smallModel } from "../support/onnx-models.ts";
import { runPlainly } from "../support/ort-plain.ts";
import { behind, spanning, withPairs, type Quantized } from "../support/qdq.ts";
import { zoo } from "../zoo/index.ts";

const device = testDevice();
const executing = async (): Promise<WebGpuBackend> => new WebGpuBackend(await device(), graphKernelSpecs);

interface Values {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

async function valuesOf(model: OnnxModel, name: string): Promise<Values & { readonly data: Float32Array }> {
  const tensor = model.graph.initializers.find((each) => each.name === name);
  if (!tensor) throw new Error(`no constant "${name}"`);
  return { dims: tensor.dims, data: new Float32Array((await readTensorBytes(tensor)).slice().buffer) };
}

/** Elements of each index of an axis. */
function channelsOf({ dims, data }: Values, axis: number): number[][] {
  const inner = elementCount(dims.slice(axis + 1));
  const channels: number[][] = Array.from({ length: dims[axis] ?? 1 }, () => []);
  for (let i = 0; i < data.length; i++) channels[Math.floor(i / inner) % (dims[axis] ?? 1)]?.push(data[i] ?? 0);
  return channels;
}

interface StaticCase {
  readonly title: string;
  readonly model: OnnxModel;
  readonly inputs: readonly InputTensor[];
  /** Activations, whole or by an axis. */
  readonly activations: readonly (readonly [tensor: string, format: Quantized["format"], axis?: number])[];
  /** Weights by an axis. */
  readonly weights: readonly (readonly [tensor: string, format: Quantized["format"], axis: number])[];
}

const cases: readonly StaticCase[] = [
  {
    title: "a CNN at operator set 13, uint8 activations, int8 weights per channel",
    model: cnn,
    inputs: [picture],
    activations: [
      ["x", "uint8"],
      ["h1", "uint8"],
      ["h3", "uint8"],
      ["y", "int8"],
    ],
    weights: [
      ["w0", "int8", 0],
      ["w1", "int8", 0],
      ["w2", "int8", 0],
    ],
  },
  {
    title: "a transformer at operator set 21, int16 activations, int8 weights per channel",
    model: transformer,
    inputs: [tokens],
    activations: [
      ["x", "int16"],
      ["q", "int16"],
      ["kt", "uint16"],
      ["p", "uint16"],
      ["v", "int8"],
      ["mixed", "int16"],
    ],
    weights: [
      ["wq", "int8", 1],
      ["wk", "int8", 1],
      ["wv", "int8", 1],
      ["wo", "int8", 1],
    ],
  },
  {
    title: "a transformer, channels of activations, uint8 weights by row",
    model: transformer,
    inputs: [tokens],
    activations: [
      ["x", "int8", 2],
      ["q", "uint8", 2],
      ["p", "uint8"],
      ["o", "int8", 1],
    ],
    weights: [
      ["wq", "uint8", 0],
      ["wo", "uint8", 0],
    ],
  },
  {
    title: "an LSTM, int8 everywhere",
    model: recurrent,
    inputs: [sequence],
    activations: [
      ["x", "int8"],
      ["y", "int8"],
    ],
    weights: [
      ["w", "int8", 1],
      ["r", "int8", 1],
    ],
  },
];

/** Pairs and rules of the same scales, out of what the float model computes. */
async function bothForms({ model, inputs, activations, weights }: StaticCase) {
  const names = activations.map(([tensor]) => tensor).filter((name) => !inputs.some((each) => each.name === name));
  const found = await runGraph(model, inputs, await executing(), { outputs: names });
  const pairs: Quantized[] = [];
  const rules: FakeQuantRule[] = [];
  const add = (
    tensor: string,
    format: Quantized["format"],
    values: { dims: readonly number[]; data: ArrayLike<number> },
    axis: number | undefined,
  ): void => {
    const spans = spanning(format, axis === undefined ? [values.data] : channelsOf(values, axis));
    pairs.push({ tensor, format, ...spans, ...(axis === undefined ? {} : { axis }) });
    rules.push({ pattern: tensor, format, ...spans, ...(axis === undefined ? {} : { axis, per: "channel" }) });
  };
  for (const [tensor, format, axis] of activations) {
    const values = found[tensor] ?? inputs.find(({ name }) => name === tensor);
    if (!values) throw new Error(`no value "${tensor}"`);
    add(tensor, format, values, axis);
  }
  for (const [tensor, format, axis] of weights) add(tensor, format, await valuesOf(model, tensor), axis);
  return { pairs, rules };
}

describe("static scales against QDQ graphs in onnxruntime", () => {
  it.each(cases)("$title", async (each) => {
    await hold(each);
  });

  it("int4 and uint4 blocks of weights, operator set 21", async () => {
    const format = "uint4";
    const { dims, data } = await valuesOf(transformer, "wq");
    // Blocks of 16 along the rows of [64, 64].
    const blocks = Array.from({ length: 4 * 64 }, (_, g) =>
      Array.from({ length: 16 }, (__, i) => data[((g >> 6) * 16 + i) * 64 + (g & 63)] ?? 0),
    );
    const spans = spanning(format, blocks);
    const pair: Quantized = { tensor: "wq", format, ...spans, axis: 0, block: 16, scaleDims: [4, 64] };
    const rule: FakeQuantRule = { pattern: "wq", format, ...spans, axis: 0, per: { group: 16 } };
    const model: OnnxModel = { ...transformer, graph: { ...transformer.graph, outputs: [] } };
    const expected = await runPlainly(await onnxBytes(withPairs(model, [pair])), [tokens]);
    const { data: weight = [] } = expected.find(({ name }) => name === behind("wq")) ?? {};
    expect(weight.length).toBe(elementCount(dims));
    const product = smallModel({
      nodes: [op("MatMul", ["i", "wq"], ["y"])],
      inputs: [["i", [64, 64]]],
      outputs: [["y", undefined]],
      initializers: transformer.graph.initializers,
    });
    const identity = { name: "i", dtype: "f32", dims: [64, 64], data: unitMatrix(64) } as const;
    const { y } = await runGraph(product, [identity], await executing(), { fakeQuant: [rule] });
    const { most, same } = inSteps(y?.data ?? [], weight, (i) => spans.scale[(i >> 10) * 64 + (i & 63)] ?? 1);
    expect(most).toBeLessThan(1 + roundingSteps);
    expect(same).toBeGreaterThan(0.98);
  });

  it("gives the predictions that the integer model gives, layer after layer on its own values", async () => {
    const model = dataModel("fashion-cnn");
    const source = await fromFile(model.path);
    try {
      const onnx = await readOnnx(source);
      const inputs = dataModelInputs(model, 9);
      const { pairs, rules } = await bothForms({ title: "", model: onnx, inputs, ...productsOf(onnx, inputs) });
      const expected = (await runPlainly(await onnxBytes(withPairs(onnx, pairs)), inputs)).find(({ name }) => name === model.output); // prettier-ignore
      const got = (await runGraph(onnx, inputs, await executing(), { fakeQuant: rules }))[model.output];
      const classes = got?.dims[1] ?? 1;
      const best = (data: ArrayLike<number>): number[] =>
        Array.from({ length: data.length / classes }, (_, row) => {
          const scores = Array.from({ length: classes }, (__, i) => data[row * classes + i] ?? 0);
          return scores.indexOf(Math.max(...scores));
        });
      expect(best(got?.data ?? [])).toEqual(best(expected?.data ?? []));
      expect(largestDifference(expected?.data ?? [], got?.data ?? [])).toBeLessThan(0.02);
    } finally {
      await source.close?.();
    }
  });

  it.each(["fashion-cnn", "tiny-llama"] as const)("whole models: %s", async (id) => {
    const model = dataModel(id);
    const source = await fromFile(model.path);
    try {
      await holdModel(await readOnnx(source), dataModelInputs(model, 5));
    } finally {
      await source.close?.();
    }
  });

  it.each(["lenet-5", "mobilenet-v2", "vit-b-16", "bert-base", "lstm-tagger"])(
    "whole models: %s of the zoo",
    async (name) => {
      const entry = zoo.find((each) => each.name === name);
      if (!entry) throw new Error(`the zoo has no ${name}`);
      await holdModel(
        await readOnnx(fromBytes("zoo.onnx", entry.build({ opset: 13 }))),
        entry.inputs(3, {}, { opset: 13 }),
      );
    },
  );
});

const unitMatrix = (n: number): Float32Array =>
  Float32Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0));

/** Of a weight's output channels. */
const channelAxis = (node: OnnxNode | undefined): number =>
  node?.opType === "LSTM" || node?.opType === "MatMul" || (node?.opType === "Gemm" && getInt(node, "transB", 0) === 0)
    ? 1
    : 0;

/** Puts given elements in the place of values once they are simulated, and gives both apart. */
const teaching = (taught: ReadonlyMap<string, Values>) => (): readonly LoweringHooks[] => {
  const seen: HookOutput[] = [];
  return [
    {
      value(b, value, { tensor, role }) {
        const given = taught.get(tensor);
        if (!given || (role !== "output" && role !== "input")) return undefined;
        seen.push({ name: `simulated:${tensor}`, value });
        const known = b.known({ type: value.type, dims: value.dims, data: Float64Array.from(given.data) });
        return { name: tensor, type: value.type, dims: value.dims, buffer: b.onDevice(known) };
      },
      outputs: () => seen,
    },
  ];
};

/**
 * Holds each simulated activation to onnxruntime's, element by element. What follows it reads onnxruntime's: sums in
 * another order move a value across a tie here and there, and ten layers on that would be more than a step.
 */
async function hold(each: StaticCase): Promise<void> {
  const { model, inputs, activations } = each;
  const { pairs, rules } = await bothForms(each);
  const expected = await runPlainly(await onnxBytes(withPairs(model, pairs)), inputs);
  const taught = new Map(
    activations.flatMap(([tensor]) => {
      const found = expected.find(({ name }) => name === behind(tensor));
      return found ? [[tensor, found] as const] : [];
    }),
  );
  expect(taught.size).toBe(activations.length);
  const got = await runGraph(model, inputs, await executing(), { fakeQuant: rules, hooks: teaching(taught) });
  for (const { tensor, scale, axis } of pairs) {
    const found = taught.get(tensor);
    if (!found) continue;
    const inner = axis === undefined ? 1 : elementCount(found.dims.slice(axis + 1));
    const stepOf = (i: number): number => scale[Math.floor(i / inner) % scale.length] ?? 1;
    const own = got[`simulated:${tensor}`]?.data ?? [];
    const { most, same } = inSteps(own, found.data, stepOf);
    expect(most, tensor).toBeLessThan(1 + roundingSteps);
    expect(same, tensor).toBeGreaterThan(0.97);
  }
}

/** What Conv, Gemm, MatMul and LSTM read. */
function productsOf(model: OnnxModel, inputs: readonly InputTensor[]): Pick<StaticCase, "activations" | "weights"> {
  const { graph } = model;
  const constants = new Set(graph.initializers.map(({ name }) => name));
  const made = new Set(graph.nodes.flatMap(({ opType, outputs }) => (opType === "Constant" ? outputs : [])));
  const products = graph.nodes.filter(({ opType }) => ["Conv", "Gemm", "MatMul", "LSTM"].includes(opType));
  const floats = new Set(inputs.filter(({ dtype }) => dtype === "f32").map(({ name }) => name));
  const computed = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const read = [...new Set(products.flatMap(({ inputs: names }) => names.slice(0, 2)))];
  const activations = read.filter((name) => (floats.has(name) || computed.has(name)) && !made.has(name));
  const weights = [...new Set(products.map(({ inputs: names }) => names[1] ?? ""))].filter((name) =>
    constants.has(name),
  );
  expect(activations.length).toBeGreaterThan(0);
  expect(weights.length).toBeGreaterThan(0);
  return {
    activations: activations.map((name) => [name, "uint8"]),
    weights: weights.map((name) => [
      name,
      "int8",
      channelAxis(products.find(({ inputs: names }) => names[1] === name)),
    ]),
  };
}

/** Quantizes all products of a model by the ranges of these inputs, in both forms. */
const holdModel = (model: OnnxModel, inputs: readonly InputTensor[]): Promise<void> =>
  hold({ title: "", model, inputs, ...productsOf(model, inputs) });
