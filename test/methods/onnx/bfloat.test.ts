// Models whose weights are stored as bf16, in the forms that exports have: widened by a Cast before use, looked up
// and widened afterwards, moved first, or used as bf16 (which onnxruntime's CPU provider does not run).
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/base/random.ts";
import { elementCount } from "../../../src/base/dtypes.ts";
import { inspectOnnx } from "../../../src/cli/inspect-onnx.ts";
import { openOnnx } from "../../../src/compress/open-model.ts";
import { UnsupportedError } from "../../../src/base/errors.ts";
import type { InputTensor } from "../../../src/evaluate/tensors.ts";
import { OnnxType, type OnnxModel, type OnnxNode } from "../../../src/formats/onnx/ir.ts";
import { makeTensor } from "../../../src/formats/onnx/make.ts";
import { formatNames, type FormatName } from "../../../src/methods/quantize/formats.ts";
import {
  bfloatTensor,
  floatInput,
  largestDifference,
  onnxBytes,
  onnxSource,
  op,
  smallModel,
  type SmallModel,
} from "../../support/onnx-models.ts";
import { operatorsOf, quantizeSmall } from "../../support/quantized.ts";
import { runOracle } from "../../support/ort.ts";
import { runPlainly } from "../../support/ort-plain.ts";

const random = (name: string, dims: readonly number[]) =>
  bfloatTensor(name, dims, seededRandom(1, name).normals(elementCount(dims)));
const widen = (from: string, to: string): OnnxNode => op("Cast", [from], [to], { to: BigInt(OnnxType.FLOAT) });
const narrow = (from: string, to: string): OnnxNode => op("Cast", [from], [to], { to: BigInt(OnnxType.BFLOAT16) });

const x = floatInput("x", [5, 64]);
const ids: InputTensor = { name: "ids", dtype: "i64", dims: [4], data: Float64Array.of(0, 9, 3, 63) };

const matmul = (parts: Partial<SmallModel> = {}): OnnxModel =>
  smallModel({
    nodes: [widen("w", "w_f32"), op("MatMul", ["x", "w_f32"], ["y"])],
    inputs: [["x", [5, 64]]],
    outputs: [["y", undefined]],
    initializers: [random("w", [64, 48])],
    ...parts,
  });

const embedding = matmul({
  nodes: [op("Gather", ["w", "ids"], ["rows"]), widen("rows", "wide"), op("Mul", ["wide", "wide"], ["y"])],
  inputs: [["ids", [4], OnnxType.INT64]],
  initializers: [random("w", [64, 64])],
});

/** What each format makes of a weight behind a Cast: as of an f32 weight. */
const behindCast: Readonly<Record<FormatName, string>> = {
  int8: "DequantizeLinear",
  uint8: "DequantizeLinear",
  int4: "MatMulNBits",
  uint4: "MatMulNBits",
  int2: "MatMulNBits",
  uint2: "MatMulNBits",
  nf4: "MatMulBnb4",
  fp4: "MatMulBnb4",
  fp16: "MatMul",
  q4f16: "MatMulNBits",
  "dynamic-int8": "MatMulInteger",
  "dynamic-uint8": "MatMulInteger",
};

async function differenceOf(model: OnnxModel, format: FormatName, feeds: readonly InputTensor[]) {
  const quantized = await quantizeSmall(model, { format });
  const [[expected], [actual]] = [await runOracle(quantized.restored, feeds), await runPlainly(quantized.bytes, feeds)];
  return { ...quantized, apart: largestDifference(expected?.data ?? [], actual?.data ?? []) };
}

describe("a weight behind a Cast to f32", () => {
  it.each(formatNames)("%s: packed like an f32 weight, its Cast dropped", async (format) => {
    const { apart, model, plan } = await differenceOf(matmul(), format, [x]);
    expect(operatorsOf(model)).toContain(behindCast[format]);
    expect(plan.tensors.map(({ name }) => name)).toEqual(["w"]);
    const left = [...model.graph.initializers, ...model.graph.nodes].map(({ name }) => name);
    expect(left).not.toContain("w");
    expect(left).not.toContain("w_f32_node");
    // Dynamic formats round activations too, f16 models everything.
    expect(apart).toBeLessThan(format.startsWith("dynamic") ? 0.02 : format.endsWith("16") ? 2e-3 : 2e-5);
  });

  it("in a Constant node", async () => {
    const constant = op("Constant", [], ["w"], { value: { type: "tensor", value: random("", [64, 48]) } });
    const model = matmul({
      nodes: [constant, widen("w", "w_f32"), op("MatMul", ["x", "w_f32"], ["y"])],
      initializers: [],
    });
    for (const format of ["int8", "int4", "fp16"] as const) {
      const { apart, model: written } = await differenceOf(model, format, [x]);
      expect(operatorsOf(written)).not.toContain("Constant");
      expect(apart).toBeLessThan(2e-3);
    }
  });

  it("of f16", async () => {
    const weight = { ...random("w", [64, 48]), dataType: OnnxType.FLOAT16 };
    const { apart, model } = await differenceOf(matmul({ initializers: [weight] }), "int4", [x]);
    expect(operatorsOf(model)).toEqual(["MatMulNBits"]);
    expect(apart).toBeLessThan(2e-5);
  });

  it("of f64 stays, with a reason", async () => {
    const values = new Uint8Array(new Float64Array(16 * 48).fill(0.5).buffer);
    const model = matmul({
      nodes: [
        widen("v", "v_f32"),
        widen("w", "w_f32"),
        op("MatMul", ["x", "v_f32"], ["h"]),
        op("MatMul", ["h", "w_f32"], ["y"]),
      ],
      initializers: [makeTensor("w", OnnxType.DOUBLE, [16, 48], values), random("v", [64, 16])],
    });
    const { plan } = await quantizeSmall(model, { format: "int8" });
    expect(plan.skipped).toEqual([{ name: "w", reason: expect.stringMatching(/^float64/) }]);
    expect(plan.tensors.map(({ name }) => name)).toEqual(["v"]);
  });

  it("read by several Casts stays as it lies, unpacked to f32 for all of them", async () => {
    const model = matmul({
      nodes: [
        widen("w", "a"),
        widen("w", "b"),
        op("Add", ["a", "b"], ["c"]),
        op("MatMul", ["x", "a"], ["p"]),
        op("MatMul", ["x", "c"], ["q"]),
        op("Add", ["p", "q"], ["y"]),
      ],
    });
    const { apart, model: written } = await differenceOf(model, "int8", [x]);
    expect(written.graph.nodes.filter(({ opType }) => opType === "Cast")).toHaveLength(2);
    expect(apart).toBeLessThan(2e-5);
  });
});

it("inspect lists a weight behind a Cast under the type that it is stored in", async () => {
  const file = await openOnnx(await onnxSource(matmul()));
  const { weights } = await inspectOnnx(file, { stats: false, signal: new AbortController().signal });
  expect(weights).toEqual([
    { name: "w", role: "matmul", operators: ["MatMul"], dtype: "bfloat16", shape: [64, 48], bytes: 64 * 48 * 2 },
  ]);
});

describe("a weight that is read as bf16", () => {
  it.each([
    ["int8", "Gather"],
    ["int4", "GatherBlockQuantized"],
    ["q4f16", "GatherBlockQuantized"],
    ["uint8", "DequantizeLinear"],
  ] as const)("%s: looked up by %s", async (format, operator) => {
    const { apart, model } = await differenceOf(embedding, format, [ids]);
    expect(operatorsOf(model)).toContain(operator);
    // The Cast back to bf16 goes where only Casts to f32 read it: nothing is rounded twice.
    expect(apart).toBeLessThan(format === "q4f16" ? 2e-3 : format === "uint8" ? 2 ** -7 : 2e-5);
  });

  it("moved first, through a bf16 value", async () => {
    const model = matmul({
      nodes: [
        op("Transpose", ["w"], ["t"], { perm: [1n, 0n] }),
        widen("t", "t_f32"),
        op("MatMul", ["x", "t_f32"], ["y"]),
      ],
      initializers: [random("w", [48, 64])],
    });
    const { apart, model: written } = await differenceOf(model, "int8", [x]);
    expect(operatorsOf(written)).toEqual(["DequantizeLinear", "Cast", "Transpose", "Cast", "MatMul"]);
    expect(apart).toBeLessThan(2 ** -8);
  });

  const native = matmul({
    nodes: [
      narrow("x", "x_b"),
      op("MatMul", ["x_b", "w"], ["h"]),
      op("Gemm", ["h", "v", "c"], ["g"], { alpha: 0.5 }),
      widen("g", "y"),
    ],
    initializers: [random("w", [64, 48]), random("v", [48, 32]), random("c", [32])],
  });

  it.each([
    ["int8", ["Cast", "DequantizeLinear", "Cast", "DequantizeLinear", "Cast", "MatMul", "Gemm", "Cast"]],
    // Between the two products nothing is computed: the value stays f32 there.
    ["nf4", ["Cast", "Cast", "MatMulBnb4", "Cast", "MatMulBnb4", "Cast", "Mul", "Add", "Cast"]],
    ["int4", ["Cast", "Cast", "MatMulNBits", "Cast", "MatMulNBits", "Cast", "Mul", "Add", "Cast"]],
  ] as const)("%s: the arithmetic around stays bf16", async (format, operators) => {
    const { model, plan } = await quantizeSmall(native, { format });
    expect(plan.tensors.map(({ name }) => name)).toEqual(["w", "v"]);
    expect(operatorsOf(model).toSorted()).toEqual([...operators].toSorted());
    const alpha = model.graph.initializers.find(({ name }) => name.includes("alpha"));
    if (format !== "int8") expect(alpha?.dataType).toBe(OnnxType.BFLOAT16);
  });

  it.each(["fp16", "q4f16"] as const)("%s refuses a model that computes in bf16", async (format) => {
    const run = quantizeSmall(native, { format });
    await expect(run).rejects.toThrow(UnsupportedError);
    await expect(run).rejects.toThrow(/computes in bfloat16 \(weight "w"\)/);
  });
});

it("fp16 casts bf16 constants behind Casts, and reports what lies outside its range", async () => {
  const bias = bfloatTensor(
    "c",
    [48],
    Array.from({ length: 48 }, (_, i) => (i === 7 ? 1e6 : i / 16)),
  );
  const model = matmul({
    nodes: [widen("w", "w_f32"), widen("c", "c_f32"), op("Gemm", ["x", "w_f32", "c_f32"], ["y"])],
    initializers: [random("w", [64, 48]), bias],
  });
  const { bytes, plan, model: written } = await quantizeSmall(model, { format: "fp16" });
  expect(plan.warnings).toEqual([expect.stringContaining("1 value is outside the f16 range")]);
  expect(written.graph.initializers.map(({ dataType }) => dataType)).toEqual([OnnxType.FLOAT16, OnnxType.FLOAT16]);
  const [[before], [after]] = [await runOracle(await onnxBytes(model), [x]), await runOracle(bytes, [x])];
  const [a, b] = [before, after].map((output) => Array.from(output?.data ?? []).filter((_, i) => i % 48 !== 7));
  expect(largestDifference(a ?? [], b ?? [])).toBeLessThan(2e-3);
  for (const [i, value] of (after?.data ?? []).entries()) if (i % 48 === 7) expect(value).toBeGreaterThan(65_000);
});
