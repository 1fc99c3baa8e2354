// Weights larger than one binding of the device, by a profile that allows little: bound in pieces, with the results of
// onnxruntime's CPU provider. And products of wide constant weights, which software adapters read in panels.
import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../src/base/errors.ts";
import type { DeviceProfile } from "../../src/base/profile.ts";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { Executor } from "../../src/execute/executor.ts";
import { OnnxType, type OnnxModel } from "../../src/formats/onnx/ir.ts";
import { makeTensor } from "../../src/formats/onnx/make.ts";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import type { Backend } from "../../src/run/backend.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { compareForward } from "../support/forward.ts";
import { testDevice } from "../support/gpu.ts";
import { floatInput, onnxBytes, op, randomTensor, smallModel, type PlainAttributes } from "../support/onnx-models.ts";

const device = testDevice();

async function backendWith(bindingBytes?: number): Promise<Backend> {
  const backend = new WebGpuBackend(await device(), graphKernelSpecs);
  if (bindingBytes === undefined) return backend;
  const { profile } = backend;
  const limits = { ...profile.limits, maxStorageBufferBindingSize: bindingBytes };
  const limited: DeviceProfile = { ...profile, limits };
  return { profile: limited, open: (program) => backend.open(program) };
}

interface Case {
  readonly title: string;
  readonly op: string;
  readonly x: readonly number[];
  readonly weight: readonly number[];
  readonly bias?: readonly number[];
  readonly attributes?: PlainAttributes;
  readonly activation?: string;
}

function modelOf({ op: name, x, weight, bias, attributes, activation }: Case): OnnxModel {
  const y = activation ? "z" : "y";
  return smallModel({
    nodes: [
      op(name, ["x", "w", ...(bias ? ["b"] : [])], [y], attributes),
      ...(activation ? [op(activation, ["z"], ["y"])] : []),
    ],
    inputs: [["x", x]],
    outputs: [["y", undefined]],
    initializers: [randomTensor("w", weight), ...(bias ? [randomTensor("b", bias)] : [])],
  });
}

const products: readonly Case[] = [
  { title: "MatMul", op: "MatMul", x: [2, 5, 128], weight: [128, 192] },
  { title: "MatMul of a vector, activation", op: "MatMul", x: [96], weight: [96, 160], activation: "Relu" },
  {
    title: "Gemm, bias, alpha and beta",
    op: "Gemm",
    x: [17, 128],
    weight: [128, 144],
    bias: [144],
    attributes: { alpha: 0.5, beta: 2 },
    activation: "Sigmoid",
  },
  { title: "Gemm, transB", op: "Gemm", x: [3, 64], weight: [256, 64], bias: [256], attributes: { transB: 1n } },
  {
    title: "Gemm, transA, bias of one column",
    op: "Gemm",
    x: [100, 8],
    weight: [100, 128],
    bias: [8, 1],
    attributes: { transA: 1n },
    activation: "Relu",
  },
  { title: "Conv", op: "Conv", x: [2, 16, 6, 6], weight: [70, 16, 3, 3], bias: [70], activation: "Relu" },
];

const worst = async (model: Uint8Array, inputs: readonly InputTensor[], bindingBytes?: number): Promise<number> =>
  Math.max(...(await compareForward(model, inputs, await backendWith(bindingBytes))).map(({ error }) => error));

describe("products of constant weights", () => {
  it.each(products)("$title", async (each) => {
    const model = await onnxBytes(modelOf(each));
    expect(await worst(model, [floatInput("x", each.x)])).toBeLessThanOrEqual(1e-5);
  });

  it.each(products)("$title, in pieces", async (each) => {
    const model = await onnxBytes(modelOf(each));
    const inputs = [floatInput("x", each.x)];
    expect(await worst(model, inputs, 23_000)).toBeLessThanOrEqual(1e-5);
  });
});

const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 89 + (i >> 3)) & 255);

/** A product of packed weights: 40 rows of 4 blocks of 32. */
const packed = (zeros: boolean): OnnxModel => {
  return smallModel({
    opset: 21,
    domains: ["com.microsoft"],
    nodes: [
      op(
        "MatMulNBits",
        ["x", "w", "s", ...(zeros ? ["z"] : [])],
        ["h"],
        { K: 128n, N: 40n, bits: 4n, block_size: 32n },
        "com.microsoft",
      ),
      op("Add", ["h", "b"], ["y"]),
    ],
    inputs: [["x", [3, 128]]],
    outputs: [["y", undefined]],
    initializers: [
      makeTensor("w", OnnxType.UINT8, [40, 4, 16], bytes(2560)),
      randomTensor("s", [160]),
      randomTensor("b", [40]),
      ...(zeros ? [makeTensor("z", OnnxType.UINT8, [80], bytes(80))] : []),
    ],
  });
};

describe("packed weights in pieces", () => {
  it.each([false, true])("MatMulNBits, zero points: %s", async (zeros) => {
    const model = await onnxBytes(packed(zeros));
    expect(await worst(model, [floatInput("x", [3, 128])], 2048)).toBeLessThanOrEqual(1e-5);
  });
});

describe("tables in pieces", () => {
  it("gathers rows of all pieces, counted from either end", async () => {
    const model = smallModel({
      nodes: [op("Gather", ["w", "ids"], ["y"])],
      inputs: [["ids", [2, 4], OnnxType.INT64]],
      outputs: [["y", undefined]],
      initializers: [randomTensor("w", [200, 24])],
    });
    const data = Float64Array.from([0, 199, -1, -200, 48, 47, 100, 150]);
    const ids: InputTensor = { name: "ids", dtype: "i64", dims: [2, 4], data };
    expect(await worst(await onnxBytes(model), [ids], 5000)).toBe(0);
  });
});

it("refuses a weight whose single rows do not fit", async () => {
  const model = await onnxBytes(modelOf({ title: "", op: "MatMul", x: [2, 64], weight: [64, 512] }));
  using executor = await Executor.create(await readOnnx(fromBytes("large.onnx", model)), await backendWith(1024));
  const x = { dims: [2, 64], data: new Float64Array(128) };
  await expect(executor.run({ x })).rejects.toThrow(UnsupportedError);
});
