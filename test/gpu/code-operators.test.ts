// Operators from integer codes to integer codes, and dynamic ones, against onnxruntime's CPU provider: sums are exact
// on both sides, so that a result next to a tie is the only place for a difference, of one code.
import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../src/base/errors.ts";
import { elementCount } from "../../src/base/dtypes.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { Executor } from "../../src/execute/executor.ts";
import { OnnxType, type OnnxTensor } from "../../src/formats/onnx/ir.ts";
import { makeTensor } from "../../src/formats/onnx/make.ts";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { testDevice } from "../support/gpu.ts";
import { floatTensor, onnxBytes, op, smallModel, type PlainAttributes } from "../support/onnx-models.ts";
import { runOracle } from "../support/ort.ts";

const device = testDevice();

type Codes = "u8" | "i8";
/** Codes that a run is given, codes that are constants, or constant floats. */
type Part =
  | { readonly given: readonly number[]; readonly type?: Codes }
  | { readonly codes: readonly number[]; readonly type?: Codes; readonly values?: readonly number[] }
  | { readonly bias: readonly number[] }
  | { readonly floats: readonly number[]; readonly dims?: readonly number[] }
  | { readonly real: readonly number[] };

interface Case {
  readonly title: string;
  readonly op: string;
  readonly domain?: string;
  readonly attributes?: PlainAttributes;
  readonly parts: readonly Part[];
  readonly result?: Codes | "f32" | "i32";
  /** Largest difference; one code unless said. */
  readonly bound?: number;
}

const onnxTypes = { u8: OnnxType.UINT8, i8: OnnxType.INT8, i32: OnnxType.INT32, f32: OnnxType.FLOAT };

/**
 * Signed codes have 7 bits: on processors without dot products of bytes the engine adds pairs of products of an
 * unsigned and a signed byte in 16 bits, and saturates there.
 */
function codesOf(name: string, dims: readonly number[], type: Codes): Float64Array {
  const random = seededRandom(4, name);
  const [low, high] = type === "u8" ? [0, 256] : [-64, 64];
  return Float64Array.from({ length: elementCount(dims) }, () => random.int(low, high));
}

const bytesOf = (values: ArrayLike<number>): Uint8Array => Uint8Array.from(values, (value) => value & 255);

function build(each: Case): { tensors: OnnxTensor[]; inputs: InputTensor[]; types: number[] } {
  const tensors: OnnxTensor[] = [];
  const inputs: InputTensor[] = [];
  const types: number[] = [];
  for (const [i, part] of each.parts.entries()) {
    const name = `x${i}`;
    if ("given" in part) {
      const type = part.type ?? "u8";
      inputs.push({ name, dtype: type, dims: part.given, data: codesOf(name, part.given, type) });
      types.push(onnxTypes[type]);
    } else if ("codes" in part) {
      const type = part.type ?? "u8";
      const data = part.values ?? codesOf(name, part.codes, type);
      tensors.push(makeTensor(name, onnxTypes[type], part.codes, bytesOf(data)));
    } else if ("bias" in part) {
      const random = seededRandom(6, name);
      const data = Int32Array.from({ length: elementCount(part.bias) }, () => random.int(-3000, 3000));
      tensors.push(makeTensor(name, OnnxType.INT32, part.bias, new Uint8Array(data.buffer)));
    } else if ("floats" in part) tensors.push(floatTensor(name, part.dims ?? [part.floats.length], part.floats));
    else {
      inputs.push({
        name,
        dtype: "f32",
        dims: part.real,
        data: seededRandom(5, name).normals(elementCount(part.real)),
      });
      types.push(OnnxType.FLOAT);
    }
  }
  return { tensors, inputs, types };
}

const scale = (value: number): Part => ({ floats: [value], dims: [] });
const zero = (value: number, type: Codes = "u8"): Part => ({ codes: [], type, values: [value] });
const zeros = (values: readonly number[], type: Codes = "u8"): Part => ({ codes: [values.length], type, values });

const ms = "com.microsoft";
const window = { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] };
const five = [0.011, 0.012, 0.013, 0.014, 0.015];

const cases: readonly Case[] = [
  {
    title: "QLinearMatMul",
    op: "QLinearMatMul",
    parts: [
      { given: [3, 40] },
      scale(0.02),
      zero(120),
      { codes: [40, 5] },
      scale(0.01),
      zero(131),
      scale(0.3),
      zero(128),
    ],
  },
  {
    title: "QLinearMatMul, signed, a scale a column, batches",
    op: "QLinearMatMul",
    result: "i8",
    parts: [
      { given: [2, 3, 24], type: "i8" },
      scale(0.02),
      zero(3, "i8"),
      { codes: [24, 5], type: "i8" },
      { floats: five },
      zeros([0, 1, -2, 3, 0], "i8"),
      scale(0.2),
      zero(-5, "i8"),
    ],
  },
  {
    title: "QLinearMatMul of sums beyond 2^24",
    op: "QLinearMatMul",
    parts: [{ given: [2, 700] }, scale(0.01), zero(0), { codes: [700, 6] }, scale(0.01), zero(0), scale(7), zero(3)],
  },
  {
    title: "QLinearConv, padded by the zero point, a scale a channel",
    op: "QLinearConv",
    attributes: window,
    parts: [
      { given: [2, 4, 7, 6] },
      scale(0.02),
      zero(113),
      { codes: [5, 4, 3, 3], type: "i8" },
      { floats: five },
      zeros([0, 0, 0, 0, 0], "i8"),
      scale(0.3),
      zero(125),
      { bias: [5] },
    ],
  },
  {
    title: "QLinearConv, depthwise",
    op: "QLinearConv",
    attributes: { ...window, group: 5n, strides: [2n, 2n] },
    parts: [
      { given: [1, 5, 8, 8] },
      scale(0.02),
      zero(113),
      { codes: [5, 1, 3, 3] },
      scale(0.02),
      zero(128),
      scale(0.1),
      zero(125),
    ],
  },
  ...(["QLinearAdd", "QLinearMul"] as const).map((name): Case => ({
    title: name,
    op: name,
    domain: ms,
    parts: [
      { given: [2, 3, 8] },
      scale(0.02),
      zero(100),
      { given: [3, 8] },
      scale(0.03),
      zero(90),
      scale(0.07),
      zero(99),
    ],
  })),
  {
    title: "QLinearSigmoid",
    op: "QLinearSigmoid",
    domain: ms,
    parts: [{ given: [3, 20] }, scale(0.05), zero(128), scale(1 / 256), zero(0)],
  },
  {
    title: "QLinearLeakyRelu",
    op: "QLinearLeakyRelu",
    domain: ms,
    attributes: { alpha: 0.1 },
    parts: [{ given: [3, 20] }, scale(0.05), zero(128), scale(0.03), zero(20)],
  },
  {
    title: "QLinearGlobalAveragePool",
    op: "QLinearGlobalAveragePool",
    domain: ms,
    parts: [{ given: [2, 3, 5, 4] }, scale(0.05), zero(128), scale(0.02), zero(120)],
  },
  {
    title: "QLinearAveragePool",
    op: "QLinearAveragePool",
    domain: ms,
    attributes: { kernel_shape: [2n, 2n], strides: [2n, 2n] },
    parts: [{ given: [2, 3, 6, 4] }, scale(0.05), zero(128), scale(0.03), zero(120)],
  },
  {
    title: "QLinearSoftmax",
    op: "QLinearSoftmax",
    domain: ms,
    attributes: { opset: 13n, axis: -1n },
    parts: [{ given: [4, 9] }, scale(0.05), zero(128), scale(1 / 256), zero(0)],
  },
  {
    title: "QLinearConcat",
    op: "QLinearConcat",
    domain: ms,
    attributes: { axis: 1n },
    parts: [
      scale(0.06),
      zero(128),
      { given: [2, 3] },
      scale(0.05),
      zero(128),
      { given: [2, 4] },
      scale(0.03),
      zero(100),
    ],
  },
  {
    title: "MatMulInteger, a zero point a column",
    op: "MatMulInteger",
    result: "i32",
    bound: 0,
    parts: [{ given: [3, 33] }, { codes: [33, 4], type: "i8" }, zero(117), zeros([1, -2, 3, -4], "i8")],
  },
  {
    title: "MatMulInteger of sums beyond 2^24, in batches",
    op: "MatMulInteger",
    result: "i32",
    bound: 0,
    parts: [{ given: [2, 3, 600] }, { given: [2, 600, 5] }],
  },
  {
    title: "ConvInteger",
    op: "ConvInteger",
    attributes: window,
    result: "i32",
    bound: 0,
    parts: [{ given: [2, 4, 7, 6] }, { codes: [5, 4, 3, 3] }, zero(113), zero(130)],
  },
  {
    title: "ConvInteger of sums beyond 2^24, in groups",
    op: "ConvInteger",
    attributes: { ...window, group: 2n },
    result: "i32",
    bound: 0,
    parts: [{ given: [1, 80, 5, 5] }, { codes: [4, 40, 3, 3] }, zero(0), zero(0)],
  },
  {
    // Values next to a tie take the neighbouring code: one of 48 terms changes by a step of about 0.02 times 0.6.
    title: "DynamicQuantizeMatMul",
    op: "DynamicQuantizeMatMul",
    domain: ms,
    result: "f32",
    bound: 0.02,
    parts: [{ real: [3, 48] }, { codes: [48, 5], type: "i8" }, { floats: [0.005] }, zeros([0], "i8")],
  },
  {
    title: "MatMulIntegerToFloat",
    op: "MatMulIntegerToFloat",
    domain: ms,
    result: "f32",
    bound: 1e-3,
    parts: [
      { given: [3, 48] },
      { codes: [48, 5] },
      { floats: [0.02] },
      { floats: five },
      zeros([120]),
      zeros([1, 2, 3, 4, 5]),
    ],
  },
];

async function modelOf(each: Case): Promise<{ model: Uint8Array; inputs: InputTensor[] }> {
  const { tensors, inputs, types } = build(each);
  const model = smallModel({
    opset: 17,
    ir: 8,
    domains: [ms],
    nodes: [
      op(
        each.op,
        each.parts.map((_, i) => `x${i}`),
        ["y"],
        each.attributes,
        each.domain,
      ),
    ],
    inputs: inputs.map(({ name, dims }, i) => [name, dims, types[i] ?? OnnxType.FLOAT] as const),
    outputs: [["y", undefined, onnxTypes[each.result ?? "u8"]]],
    initializers: tensors,
  });
  return { model: await onnxBytes(model), inputs };
}

async function runOurs(model: Uint8Array, inputs: readonly InputTensor[]): ReturnType<Executor["run"]> {
  const backend = new WebGpuBackend(await device(), graphKernelSpecs);
  using executor = await Executor.create(await readOnnx(fromBytes("codes.onnx", model)), backend);
  return await executor.run(Object.fromEntries(inputs.map(({ name, dims, data }) => [name, { dims, data }])));
}

async function refused(each: Case): Promise<unknown> {
  const { model, inputs } = await modelOf(each);
  return await runOurs(model, inputs);
}

describe("operators on codes", () => {
  it.each(cases)("$title", async (each) => {
    const { model, inputs } = await modelOf(each);
    const [expected] = await runOracle(model, inputs);
    const { y } = await runOurs(model, inputs);
    expect(y?.dims).toEqual([...(expected?.dims ?? [])]);
    const differences = Array.from(expected?.data ?? [], (value, i) => Math.abs(value - (y?.data[i] ?? Number.NaN)));
    expect(differences.length).toBeGreaterThan(0);
    expect(Math.max(...differences)).toBeLessThanOrEqual(each.bound ?? 1);
    // A result of one code everywhere would agree with anything.
    expect(new Set(expected?.data).size).toBeGreaterThan(4);
  });

  it("refuses operands that do not fit", async () => {
    const parts: Part[] = [{ given: [3, 8] }, { codes: [9, 4] }];
    await expect(refused({ title: "", op: "MatMulInteger", result: "i32", parts })).rejects.toThrow(FormatError);
  });

  it("refuses zero points that fit no axis", async () => {
    const parts: Part[] = [{ given: [3, 8] }, { codes: [8, 4] }, zero(1), zeros([1, 2, 3])];
    await expect(refused({ title: "", op: "MatMulInteger", result: "i32", parts })).rejects.toThrow(FormatError);
  });

  it("refuses a result with a scale for each column", async () => {
    const scales: Part = { floats: [1, 2, 3, 4] };
    const parts = [{ given: [3, 8] }, scale(1), zero(1), { codes: [8, 4] }, scale(1), zero(1), scales, zero(1)];
    await expect(refused({ title: "", op: "QLinearMatMul", parts })).rejects.toThrow(UnsupportedError);
  });
});
