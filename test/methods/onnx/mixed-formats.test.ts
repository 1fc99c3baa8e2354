// Rules that give one weight a format of another kind than its model's: each mix loads, runs and computes what it should.
import { expect, it } from "vitest";
import { OnnxType } from "../../../src/formats/onnx/ir.ts";
import { formatNames } from "../../../src/methods/quantize/formats.ts";
import { floatInput, largestDifference, onnxBytes, op, randomTensor, smallModel } from "../../support/onnx-models.ts";
import { operatorsOf, quantizeSmall } from "../../support/quantized.ts";
import { runOracle } from "../../support/ort.ts";

const x = floatInput("x", [5, 64]);
const model = smallModel({
  nodes: [op("MatMul", ["x", "w"], ["h"]), op("MatMul", ["h", "v"], ["y"])],
  inputs: [["x", [5, 64]]],
  outputs: [["y", undefined]],
  initializers: [randomTensor("w", [64, 48]), randomTensor("v", [48, 64])],
});

const operators: Readonly<Partial<Record<(typeof formatNames)[number], string>>> = {
  nf4: "MatMulBnb4",
  fp4: "MatMulBnb4",
  "dynamic-int8": "MatMulInteger",
  "dynamic-uint8": "MatMulInteger",
};

it.each(formatNames.flatMap((format) => (["int8", "fp16", "q4f16"] as const).map((base) => [base, format] as const)))(
  "%s, one weight %s",
  async (base, format) => {
    const rules = [{ pattern: "v", format }];
    const { bytes, plan, model: written } = await quantizeSmall(model, { format: base, rules });
    expect(plan.skipped.filter(({ name }) => name === "w" || name === "v")).toEqual([]);
    expect(plan.tensors.map(({ name }) => name).toSorted()).toEqual(["v", "w"]);
    const operator = operators[format];
    if (operator) expect(operatorsOf(written)).toContain(operator);
    const [[before], [after]] = [await runOracle(await onnxBytes(model), [x]), await runOracle(bytes, [x])];
    const most = format.includes("2") || format === "fp4" ? 0.8 : 0.3;
    expect(largestDifference(before?.data ?? [], after?.data ?? [])).toBeLessThan(most);
  },
);

it("int8 with a weight in fp16 stores that one in half its bytes", async () => {
  const { model: written } = await quantizeSmall(model, { format: "int8", rules: [{ pattern: "v", format: "fp16" }] });
  const half = written.graph.initializers.find(({ name }) => name === "v_f16");
  expect(half?.dataType).toBe(OnnxType.FLOAT16);
  expect(operatorsOf(written)).toEqual(["DequantizeLinear", "Cast", "MatMul", "MatMul"]);
});
