// Weights so small, or so large, that f16 holds no scales for them: they get f32 scales or stay float, never zeros.
import { describe, expect, it } from "vitest";
import { openOnnx } from "../../src/compress/open-model.ts";
import { draftCompression, type QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import { compressWithRetry } from "../../src/compress/retry.ts";
import { OnnxType, type OnnxModel } from "../../src/formats/onnx/ir.ts";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import { fromBytes, toMemory } from "../../src/formats/sources/memory.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { seededRandom } from "../../src/base/random.ts";
import {
  floatInput,
  halfTensor,
  largestDifference,
  onnxBytes,
  onnxSource,
  op,
  randomTensor,
  smallModel,
} from "../support/onnx-models.ts";
import { operatorsOf } from "../support/quantized.ts";
import { runOracle } from "../support/ort.ts";

const x = floatInput("x", [5, 64]);

/** The first product's weight is of unusual size; the second brings its result back to a usual one. */
const productOf = (size: number): OnnxModel =>
  smallModel({
    nodes: [op("MatMul", ["x", "w"], ["h"]), op("Mul", ["h", "back"], ["m"]), op("MatMul", ["m", "v"], ["y"])],
    inputs: [["x", [5, 64]]],
    outputs: [["y", undefined]],
    initializers: [
      randomTensor("w", [64, 48], size),
      {
        ...randomTensor("back", [1]),
        data: { kind: "bytes", bytes: new Uint8Array(Float32Array.of(1 / size).buffer) },
      },
      randomTensor("v", [48, 64]),
    ],
  });

async function pack(input: OnnxModel, recipe: QuantizeRecipe) {
  const model = await openOnnx(await onnxSource(input));
  const output = toMemory("packed.onnx");
  const draft = draftCompression(model, { skip: false, ...recipe });
  const done = await compressWithRetry(draft, new CpuBackend(kernelReferences), async () => output);
  return { ...done, bytes: output.bytes(), written: await readOnnx(fromBytes("packed.onnx", output.bytes())) };
}

const blocks: QuantizeRecipe = { format: "int4", formatOptions: { operator: "dequantize-linear" } };
const told = [expect.stringMatching(/^The scales of "w" lie outside of what f16 holds/)];

describe("beyond the f16 range", () => {
  it.each([
    ["blocks of DequantizeLinear", blocks, 1e-7],
    ["blocks of DequantizeLinear", blocks, 1e7],
    ["q4f16", { format: "q4f16" }, 1e-7],
    ["q4f16", { format: "q4f16" }, 1e7],
  ] as const)("%s: f32 scales, computed in f32", async (_, recipe, size) => {
    const model = productOf(size);
    const { retries, result, written, bytes } = await pack(model, recipe);
    expect(retries).toEqual(told);
    expect(result.warnings).toEqual([]);
    for (const { statistics } of result.tensors) expect(statistics.sqnrDb).toBeGreaterThan(15);
    const scales = written.graph.initializers.find(({ name }) => name === "w_scale");
    expect(scales?.dataType).toBe(OnnxType.FLOAT);
    const others = written.graph.initializers.find(({ name }) => name === "v_scale");
    expect(others?.dataType).toBe(OnnxType.FLOAT16);
    // In q4f16 the factor that brings the result back is beyond f16 as well; the product itself is not.
    if (recipe.format === "q4f16") return;
    const [[before], [after]] = [await runOracle(await onnxBytes(model), [x]), await runOracle(bytes, [x])];
    expect(largestDifference(before?.data ?? [], after?.data ?? [])).toBeLessThan(0.3);
  });

  it("q4f16 runs the product in f32 between its neighbours in f16", async () => {
    const { written, bytes } = await pack(productOf(1e-6), { format: "q4f16" });
    expect(written.graph.initializers.find(({ name }) => name === "w_scale")?.dataType).toBe(OnnxType.FLOAT);
    expect(operatorsOf(written)).toEqual(["MatMulNBits", "Cast", "Mul", "MatMulNBits", "Cast"]);
    const [output] = await runOracle(bytes, [x]);
    expect(Array.from(output?.data ?? []).every(Number.isFinite)).toBe(true);
  });

  it("of an f16 model, whose operators take f16 scales only, stays float", async () => {
    const values = seededRandom(1, "small").normals(64 * 48, 0, 1e-6);
    const model = smallModel({
      nodes: [op("MatMul", ["x", "w"], ["h"]), op("MatMul", ["h", "v"], ["y"])],
      inputs: [["x", [5, 64], OnnxType.FLOAT16]],
      outputs: [["y", undefined, OnnxType.FLOAT16]],
      initializers: [
        halfTensor("w", [64, 48], values),
        halfTensor("v", [48, 64], seededRandom(1, "v").normals(48 * 64)),
      ],
    });
    const { plan, retries } = await pack(model, { format: "int4" });
    expect(retries).toEqual(told);
    expect(plan.tensors.map(({ name }) => name)).toEqual(["v"]);
    expect(plan.skipped).toEqual([{ name: "w", reason: "its values are too small or too large for float16 scales" }]);
  });

  it("leaves tensors of usual sizes to their first plan", async () => {
    for (const size of [1e-3, 1, 1e4]) expect((await pack(productOf(size), blocks)).retries).toEqual([]);
  });
});

it("fp16 tells of tensors that it keeps little of", async () => {
  const { result } = await pack(productOf(1e-7), { format: "fp16" });
  expect(result.warnings).toEqual([expect.stringMatching(/^"w": its largest value is \S+; f16 keeps little of it\.$/)]);
});
