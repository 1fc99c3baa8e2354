// Every architecture of the zoo: it has as many parameters as published, its file loads and runs in onnxruntime at
// several sizes, answers differ between inputs, and the same seed gives the same bytes.
import { afterAll, describe, expect, test } from "vitest";
import { openOrtModel, type OrtModel } from "../../src/cli/ort.ts";
import type { InputTensor, OutputTensor } from "../../src/evaluate/tensors.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import { largestDifference } from "../support/onnx-models.ts";
import { convnextTiny } from "./convnext.ts";
import { densenet121 } from "./densenet.ts";
import { efficientnetB0 } from "./efficientnet.ts";
import type { Sizes, ZooEntry, ZooOptions } from "./entry.ts";
import { googlenet } from "./googlenet.ts";
import { gpt2 } from "./gpt2.ts";
import { zoo } from "./index.ts";
import { lenet5 } from "./lenet.ts";
import { llama } from "./llama.ts";
import { mobilenetV2 } from "./mobilenet-v2.ts";
import { mobilenetV3Small } from "./mobilenet-v3.ts";
import { resnet18, resnet50 } from "./resnet.ts";
import { shufflenetV2 } from "./shufflenet.ts";
import { vgg16Norms } from "./vgg.ts";
import { relativeIndex, shiftMask } from "./windows.ts";

const files = new Map<string, Uint8Array>();
/** The default file, built once. */
function fileOf(entry: ZooEntry): Uint8Array {
  const bytes = files.get(entry.name) ?? entry.build();
  files.set(entry.name, bytes);
  return bytes;
}
afterAll(() => files.clear());

/** Opens for as long as `use` runs. */
async function withModel<T>(bytes: Uint8Array, use: (model: OrtModel) => Promise<T>): Promise<T> {
  const model = await openOrtModel(bytes, { threads: 1 });
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

const runOnce = <O extends ZooOptions>(
  entry: ZooEntry<O>,
  options: Partial<O> = {},
  sizes: Sizes = {},
): Promise<readonly OutputTensor[]> =>
  withModel(entry.build(options), (model) => model.run(entry.inputs(1, sizes, options)));

function deviation(values: ArrayLike<number>): number {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length);
}

test("names are unique, families and operator sets many", () => {
  expect(new Set(zoo.map(({ name }) => name)).size).toBe(zoo.length);
  expect(new Set(zoo.map(({ family }) => family))).toEqual(new Set(["cnn", "rnn", "transformer"]));
  const opsets = zoo.map(({ defaults }) => defaults.opset);
  expect(Math.min(...opsets)).toBe(9);
  expect(Math.max(...opsets)).toBe(21);
  expect(new Set(opsets).size).toBeGreaterThanOrEqual(10);
});

describe("parameters of the published architectures, counted without weights", () => {
  test.each(zoo.filter(({ published }) => published))("$name: $published.parameters", (entry) => {
    expect(entry.parameters(entry.published?.options)).toBe(entry.published?.parameters);
  });
});

describe.each(zoo)("$name", (entry) => {
  test("the file is small, reads back, and is the same for the same seed", async () => {
    const bytes = fileOf(entry);
    expect(bytes.length).toBeLessThan(2_000_000);
    expect(Buffer.from(entry.build()).equals(bytes)).toBe(true);
    const model = await readOnnx(fromBytes("zoo.onnx", bytes));
    expect(model.opsets).toContainEqual({ domain: "", version: entry.defaults.opset });
    const floats = model.graph.initializers.filter(({ name, dataType }) => dataType === 1 && !/constant/.test(name));
    const elements = floats.reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0);
    // Running statistics and computed tables come on top of the parameters.
    expect(elements).toBeGreaterThanOrEqual(entry.parameters());
  });

  test("runs, at other sizes too, and answers differ", async () => {
    await withModel(fileOf(entry), async (model) => {
      const first = await model.run(entry.inputs(1));
      const second = await model.run(entry.inputs(2));
      for (const [index, output] of first.entries()) {
        const spread = deviation(output.data);
        expect(spread, output.name).toBeGreaterThan(0.05);
        expect(spread, output.name).toBeLessThan(30);
        expect(largestDifference(output.data, second[index]?.data ?? []), output.name).toBeGreaterThan(0.05);
      }
      for (const sizes of entry.otherSizes) {
        for (const { name, data } of await model.run(entry.inputs(3, sizes))) {
          expect(data.every(Number.isFinite), `${name} at ${JSON.stringify(sizes)}`).toBe(true);
          expect(deviation(data), `${name} at ${JSON.stringify(sizes)}`).toBeGreaterThan(0.02);
        }
      }
    });
  });
});

test("another seed gives other weights in the same graph", () => {
  const [one, two] = [lenet5.model({ seed: 1 }), lenet5.model({ seed: 2 })];
  expect(two.graph.nodes).toEqual(one.graph.nodes);
  expect(two.graph.initializers.map(({ data }) => data)).not.toEqual(one.graph.initializers.map(({ data }) => data));
});

describe("norms folded into convolutions leave the answers as they are", () => {
  test.each([
    ["vgg-16-bn", (foldNorms: boolean) => runOnce(vgg16Norms, { foldNorms })],
    ["resnet-18", (foldNorms: boolean) => runOnce(resnet18, { width: 0.1, foldNorms })],
    ["densenet-121", (foldNorms: boolean) => runOnce(densenet121, { growth: 4, foldNorms })],
  ] as const)("%s", async (_, run) => {
    const [[folded], [apart]] = [await run(true), await run(false)];
    expect(largestDifference(apart?.data ?? [], folded?.data ?? [])).toBeLessThan(1e-4);
  });
});

describe("forms of one function give the same answers", () => {
  test.each([
    [
      "hard-swish gated",
      () => runOnce(mobilenetV3Small, {}),
      () => runOnce(mobilenetV3Small, { activations: "gated" }),
    ],
    [
      "in primitives",
      () => runOnce(mobilenetV3Small, {}),
      () => runOnce(mobilenetV3Small, { activations: "primitive" }),
    ],
    ["Gelu by Erf", () => runOnce(convnextTiny), () => runOnce(convnextTiny, { gelu: "erf" })],
    ["layer norm in primitives", () => runOnce(gpt2, { opset: 17 }), () => runOnce(gpt2, { opset: 13 })],
  ])("%s", async (_, one, other) => {
    const [a, b] = [await one(), await other()];
    for (const [index, { name, data }] of a.entries()) {
      expect(largestDifference(data, b[index]?.data ?? []), name).toBeLessThan(1e-4);
    }
  });
});

describe("the newest operator set", () => {
  test.each(
    [resnet50, mobilenetV2, shufflenetV2, googlenet, efficientnetB0].map((entry) => [entry.name, entry] as const),
  )("%s", async (_, entry) => {
    const [before] = await withModel(fileOf(entry as ZooEntry), (model) => model.run(entry.inputs(1)));
    const [after] = await runOnce(entry as ZooEntry, { opset: 21 });
    expect(largestDifference(before?.data ?? [], after?.data ?? [])).toBeLessThan(1e-4);
  });
});

const firstOf = (input: InputTensor, count: number): InputTensor => ({
  ...input,
  dims: [1, count],
  data: input.data.slice(0, count),
});
const restOf = (input: InputTensor, start: number): InputTensor => ({
  ...input,
  dims: [1, input.data.length - start],
  data: input.data.slice(start),
});

const logits = (outputs: readonly OutputTensor[]): OutputTensor | undefined =>
  outputs.find(({ name }) => name === "logits");

test("a cache replaces the tokens that filled it", async () => {
  for (const entry of [gpt2, llama] as readonly ZooEntry[]) {
    const [length, kept] = [9, 5];
    await withModel(fileOf(entry), async (model) => {
      const inputs = entry.inputs(1, { batch: 1, length, past: 0 });
      const whole = await model.run(inputs);
      const head = await model.run(inputs.map((input) => (input.dims.includes(length) ? firstOf(input, kept) : input)));
      const later = inputs.map((input): InputTensor => {
        const cached = head.find(({ name }) => name === input.name.replace("past_key_values", "present"));
        if (cached) return { name: input.name, dtype: input.dtype, dims: cached.dims, data: cached.data };
        return input.name === "attention_mask" ? input : restOf(input, kept);
      });
      const tail = await model.run(later);
      const rows = logits(tail)?.data ?? [];
      const expected = logits(whole)?.data.slice(-rows.length) ?? [];
      expect(rows.length).toBeGreaterThan(0);
      expect(largestDifference(expected, rows), entry.name).toBeLessThan(1e-4);
    });
  }
});

test("windows: offsets and neighbours by definition", () => {
  // Window of 2: the offset of a place to itself is the middle of a table of 3 by 3.
  expect(relativeIndex(2)).toEqual([4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4]);
  const mask = shiftMask(4, 2, 1);
  expect(mask.slice(0, 16)).toEqual(Array.from({ length: 16 }, () => false));
  // The last window holds four corners of the picture, none of which was beside another.
  expect(mask.slice(48)).toEqual(Array.from({ length: 16 }, (_, at) => at % 5 !== 0));
});
