// Models that are f16 throughout, weights and graph inputs and outputs, as `model_fp16.onnx` of transformers.js is:
// every format takes them, keeps their types, and loses what its bits cost and no more.
import { expect, it } from "vitest";
import { elementCount } from "../../../src/base/dtypes.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { OnnxType, type OnnxTensor } from "../../../src/formats/onnx/ir.ts";
import { formatNames, type FormatName } from "../../../src/methods/quantize/formats.ts";
import {
  floatInput,
  halfTensor,
  intTensor,
  largestDifference,
  onnxBytes,
  op,
  smallModel,
  type Port,
} from "../../support/onnx-models.ts";
import { operatorsOf, quantizeSmall } from "../../support/quantized.ts";
import { runOracle } from "../../support/ort.ts";

const { FLOAT16, INT64 } = OnnxType;

const half = (name: string, dims: readonly number[], size: number): OnnxTensor =>
  halfTensor(name, dims, seededRandom(1, name).normals(elementCount(dims), 0, size));

const ids = { name: "ids", dtype: "i64", dims: [1, 6], data: Float64Array.of(1, 5, 9, 30, 2, 44) } as const;
const extra = floatInput("extra", [1, 6, 64]);

/** Looks tokens up, adds an f16 input, normalises, multiplies, convolves over time, and multiplies again. */
const model = smallModel({
  opset: 17,
  nodes: [
    op("Gather", ["table", "ids"], ["rows"]),
    op("Add", ["rows", "extra"], ["sum"]),
    op("LayerNormalization", ["sum", "gain", "shift"], ["normed"], { axis: -1n }),
    op("MatMul", ["normed", "up"], ["wide"]),
    op("Relu", ["wide"], ["active"]),
    op("Transpose", ["active"], ["channels"], { perm: [0n, 2n, 1n] }),
    op("Conv", ["channels", "kernel"], ["mixed"], { kernel_shape: [3n], pads: [1n, 1n] }),
    op("Transpose", ["mixed"], ["back"], { perm: [0n, 2n, 1n] }),
    op("Reshape", ["back", "flat"], ["matrix"]),
    op("Gemm", ["matrix", "head", "bias"], ["logits"], { transB: 1n, alpha: 0.5 }),
  ],
  inputs: [
    ["ids", [1, 6], INT64],
    ["extra", [1, 6, 64], FLOAT16],
  ],
  outputs: [["logits", [6, 50], FLOAT16]] satisfies readonly Port[],
  initializers: [
    half("table", [64, 64], 1),
    half("gain", [64], 1),
    half("shift", [64], 0.1),
    half("up", [64, 96], 0.15),
    half("kernel", [64, 96, 3], 0.08),
    half("head", [50, 64], 0.15),
    half("bias", [50], 0.1),
    intTensor("flat", [6, 64]),
  ],
});

/** Largest difference to the model as given, relative to its largest output. */
const tolerance: Readonly<Partial<Record<FormatName, number>>> = {
  int2: 0.9,
  uint2: 0.9,
  int4: 0.25,
  uint4: 0.25,
  nf4: 0.25,
  fp4: 0.4,
  q4f16: 0.25,
};

it.each(formatNames)("%s", async (format) => {
  const { bytes, model: written, plan } = await quantizeSmall(model, { format });
  expect(written.graph.outputs.map(({ tensor }) => tensor?.dataType)).toEqual([FLOAT16]);
  if (format === "fp16") expect(operatorsOf(written)).toEqual(operatorsOf(model));
  else expect(plan.tensors.length).toBeGreaterThan(1);
  if (format === "nf4") expect(operatorsOf(written)).toContain("MatMulBnb4");
  const [[before], [after]] = [
    await runOracle(await onnxBytes(model), [ids, extra]),
    await runOracle(bytes, [ids, extra]),
  ];
  expect(largestDifference(before?.data ?? [], after?.data ?? [])).toBeLessThan(tolerance[format] ?? 0.03);
});
