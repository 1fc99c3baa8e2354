// Whole files against onnxruntime, value by value: an identity matrix through a product, all rows through a Gather, or
// the weight as the graph's output, must give exactly what the references decode, at sizes that do not fit the blocks.
import { describe, expect, it } from "vitest";
import type { QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { OnnxType } from "../../src/formats/onnx/ir.ts";
import { op, randomTensor, smallModel, type SmallModel } from "../support/onnx-models.ts";
import { runPlainly } from "../support/ort-plain.ts";
import { operatorsOf, quantizeSmall } from "../support/quantized.ts";

const blockSizes = [16, 64, 256] as const;

/** Sums of 0 * x + value lose the sign of zero. */
const unsigned = (data: ArrayLike<number> = []): number[] => Array.from(data, (value) => value || 0);

async function expectExact(
  parts: SmallModel,
  feed: readonly InputTensor[],
  recipe: QuantizeRecipe,
  operator: string,
): Promise<void> {
  const { bytes, restored, model } = await quantizeSmall(smallModel(parts), recipe);
  expect(operatorsOf(model)).toContain(operator);
  const [[expected], [actual]] = [await runPlainly(restored, feed), await runPlainly(bytes, feed)];
  expect(actual?.dims).toEqual(expected?.dims);
  expect(unsigned(actual?.data)).toEqual(unsigned(expected?.data));
}

const product = (k: number, n: number): SmallModel => ({
  nodes: [op("MatMul", ["x", "w"], ["y"])],
  inputs: [["x", [k, k]]],
  outputs: [["y", undefined]],
  initializers: [randomTensor("w", [k, n])],
});

const identity = (k: number): InputTensor => ({
  name: "x",
  dtype: "f32",
  dims: [k, k],
  data: Float32Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0)),
});

/** K and N: less than a block and one column; one more than a block; one more than the largest block. */
const sizes = [
  [17, 1],
  [65, 3],
  [257, 2],
] as const;

const formats = ["int2", "int4", "uint8"] as const;

describe.each(blockSizes)("blocks of %i", (blockSize) => {
  it.each(formats)("%s in MatMulNBits", async (format) => {
    for (const [k, n] of sizes) {
      for (const symmetric of [true, false]) {
        const formatOptions = { blockSize, symmetric, operator: "matmul-nbits", search: { kind: "absmax" } } as const;
        // By a rule, since padding makes some of these larger than they were, and such weights stay float by default.
        const rules = [{ pattern: "*", format, options: formatOptions }];
        await expectExact(product(k, n), [identity(k)], { format, rules }, "MatMulNBits");
      }
    }
  });

  it.each(["nf4", "fp4"] as const)("%s in MatMulBnb4", async (format) => {
    for (const [k, n] of sizes) {
      await expectExact(product(k, n), [identity(k)], { format, formatOptions: { blockSize } }, "MatMulBnb4");
    }
  });

  it.each([true, false])("GatherBlockQuantized, symmetric %s", async (symmetric) => {
    for (const [rows, blocks] of [
      [1, 1],
      [7, 3],
    ] as const) {
      const ids = Float64Array.from({ length: rows }, (_, i) => i);
      await expectExact(
        {
          nodes: [op("Gather", ["w", "i"], ["y"])],
          inputs: [["i", [rows], OnnxType.INT64]],
          outputs: [["y", undefined]],
          initializers: [randomTensor("w", [rows, blocks * blockSize])],
        },
        [{ name: "i", dtype: "i64", dims: [rows], data: ids }],
        { format: "int4", formatOptions: { blockSize, symmetric } },
        "GatherBlockQuantized",
      );
    }
  });

  it.each(formats)("%s in DequantizeLinear", async (format) => {
    for (const [k, n] of sizes) {
      const formatOptions = { blockSize, operator: "dequantize-linear" } as const;
      await expectExact(
        { ...product(k, n), outputs: [["w", [k, n]]] },
        [identity(k)],
        { format, formatOptions },
        "DequantizeLinear",
      );
    }
  });
});
