// Simulated quantization of weights and activations: weights against our own quantizer's files in onnxruntime, dynamic
// scales against DynamicQuantizeLinear row by row, and every format against the plain references.
import { assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { elementCount } from "../../src/base/dtypes.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { Executor, type GraphInput } from "../../src/execute/executor.ts";
import { OnnxType, type OnnxModel } from "../../src/formats/onnx/ir.ts";
import { graphKernelReferences } from "../../src/kernels/graph-references.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { fakeFormats, type FakeFormat } from "../../src/methods/fake-quant/formats.ts";
import type { FakeQuantRule } from "../../src/methods/fake-quant/rules.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { inSteps, runGraph } from "../support/fake-quant.ts";
import { testDevice } from "../support/gpu.ts";
import {
  floatInput,
  floatTensor,
  intTensor,
  largestDifference,
  onnxBytes,
  onnxSource,
  op,
  randomTensor,
  smallModel,
} from "../support/onnx-models.ts";
import { runPlainly } from "../support/ort-plain.ts";
import { quantizeOn } from "../support/quantized.ts";
import { cnn, picture, recurrent, sequence, tokens, transformer } from "../support/small-graphs.ts";

const device = testDevice();
const executing = async (): Promise<WebGpuBackend> => new WebGpuBackend(await device(), graphKernelSpecs);

const quantized = async (model: OnnxModel, recipe: QuantizeRecipe): Promise<Uint8Array> =>
  await quantizeOn(new WebGpuBackend(await device(), kernelSpecs), await onnxSource(model), { skip: false, ...recipe });

const embedding: OnnxModel = smallModel({
  opset: 21,
  nodes: [
    op("Gather", ["table", "ids"], ["embedded"]),
    op("MatMul", ["embedded", "w0"], ["h0"]),
    op("Reshape", ["h0", "flat"], ["h1"]),
    op("Gemm", ["h1", "w1", "b1"], ["y"], { transB: 1n }),
  ],
  inputs: [["ids", [2, 5], OnnxType.INT64]],
  outputs: [["y", undefined]],
  initializers: [
    randomTensor("table", [40, 96]),
    randomTensor("w0", [96, 64], 0.1),
    intTensor("flat", [10, 64]),
    randomTensor("w1", [33, 64], 0.1),
    randomTensor("b1", [33]),
  ],
});
const ids: InputTensor = {
  name: "ids",
  dtype: "i64",
  dims: [2, 5],
  data: Float64Array.from({ length: 10 }, (_, i) => (i * 7) % 40),
};

describe("weights against our own quantizer's files in onnxruntime", () => {
  const absmax = { search: { kind: "absmax" } } as const;
  const files: readonly (readonly [string, OnnxModel, InputTensor, QuantizeRecipe, Omit<FakeQuantRule, "pattern">])[] =
    [
      ["int8", cnn, picture, { format: "int8" }, { format: "int8" }],
      ["uint8 per tensor", cnn, picture, { format: "uint8", formatOptions: { granularity: "tensor" } }, { format: "uint8", per: "tensor" }], // prettier-ignore
      ["int4 of convolutions", cnn, picture, { format: "int4" }, { format: "int4" }],
      ["int8 of an LSTM", recurrent, sequence, { format: "int8" }, { format: "int8" }],
      ["int4 by 32, searched", embedding, ids, { format: "int4" }, { format: "int4" }],
      ["int4, absmax, symmetric", embedding, ids, { format: "int4", formatOptions: { ...absmax, symmetric: true } }, { format: "int4", search: "absmax", symmetric: true }], // prettier-ignore
      ["uint4 by 16", embedding, ids, { format: "uint4", formatOptions: { ...absmax, blockSize: 16 } }, { format: "uint4", search: "absmax", per: { group: 16 } }], // prettier-ignore
      ["int8, searched", embedding, ids, { format: "int8", formatOptions: { search: { kind: "mse" } } }, { format: "int8", search: "mse" }], // prettier-ignore
    ];
  it.each(files)("%s", async (_, model, input, recipe, rule) => {
    const [expected] = await runPlainly(await quantized(model, recipe), [input]);
    const got = await runGraph(model, [input], await executing(), {
      fakeQuant: [{ pattern: "*", on: "weights", ...rule }],
    });
    expect(largestDifference(expected?.data ?? [], got["y"]?.data ?? [])).toBeLessThan(2e-5);
  });

  it("nf4 and fp4 of matrices", async () => {
    for (const format of ["nf4", "fp4"] as const) {
      const [expected] = await runPlainly(await quantized(transformer, { format }), [tokens]);
      const got = await runGraph(transformer, [tokens], await executing(), {
        fakeQuant: [{ pattern: "MatMul", on: "weights", format }],
      });
      expect(largestDifference(expected?.data ?? [], got["y"]?.data ?? [])).toBeLessThan(2e-5);
    }
  });

  it("is done when the plan is prepared: a run has the dispatches of the float graph", async () => {
    const backend = await executing();
    const given = { x: { dims: tokens.dims, data: tokens.data } };
    using plain = await Executor.create(transformer, backend);
    const fakeQuant: FakeQuantRule[] = [{ pattern: "MatMul", on: "weights", format: "int4" }];
    using simulated = await Executor.create(transformer, backend, { fakeQuant });
    expect(simulated.plan(given).dispatches).toBe(plain.plan(given).dispatches);
    expect(simulated.plan(given).prepare.submits.flat().length).toBeGreaterThan(plain.plan(given).prepare.submits.flat().length); // prettier-ignore
  });
});

/** The tokens, all of them larger or smaller. */
const times = (factor: number): Record<string, GraphInput> => ({
  x: { dims: tokens.dims, data: Float64Array.from(tokens.data, (value) => value * factor) },
});

describe("dynamic scales", () => {
  it("uint8 per token is DynamicQuantizeLinear of each row", async () => {
    const [rows, width] = [9, 50];
    const random = seededRandom(8, "rows");
    const data = Float32Array.from({ length: rows * width }, (_, i) => random.normal() * (1 + Math.floor(i / width)));
    data.fill(0, 3 * width, 4 * width);
    data.fill(2.5, 5 * width, 6 * width);
    const model = smallModel({
      nodes: [op("Neg", ["x"], ["y"])],
      inputs: [["x", ["n", width]]],
      outputs: [["y", undefined]],
    });
    const got = await runGraph(model, [{ name: "x", dtype: "f32", dims: [rows, width], data }], await executing(), {
      fakeQuant: [{ pattern: "Neg", format: "uint8", per: "token" }],
    });
    const row = await onnxBytes(
      smallModel({
        nodes: [op("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), op("DequantizeLinear", ["q", "s", "z"], ["y"])],
        inputs: [["x", [1, width]]],
        outputs: [
          ["y", undefined],
          ["s", undefined],
        ],
      }),
    );
    for (let r = 0; r < rows; r++) {
      const part = data.slice(r * width, (r + 1) * width);
      const [y, s] = await runPlainly(row, [{ name: "x", dtype: "f32", dims: [1, width], data: part }]);
      const own = (got["y"]?.data ?? new Float64Array()).slice(r * width, (r + 1) * width).map((value) => -value);
      const step = s?.data[0] || 1;
      expect(inSteps(own, y?.data ?? [], () => step).most).toBeLessThanOrEqual(1.01);
    }
  });

  it("changes with the input, and not with the plan", async () => {
    using executor = await Executor.create(transformer, await executing(), {
      fakeQuant: [{ pattern: "*", format: "int8" }],
    });
    const [first, , again] = [
      await executor.run(times(1)),
      await executor.run(times(50)),
      await executor.run(times(1)),
    ];
    expect([...(again["y"]?.data ?? [])]).toEqual([...(first["y"]?.data ?? [])]);
  });
});

/** One node a format, so that a single program holds them all. */
const everything: OnnxModel = smallModel({
  nodes: fakeFormats.map((format) => op("Neg", ["x"], [format])),
  inputs: [["x", ["d0", "d1", "d2"]]],
  outputs: fakeFormats.map((format) => [format, undefined] as const),
});

describe("every format", () => {
  const fixed = /^(nf4|fp4|mx|nvfp4|fp16|bf16)/;
  const rulesFor = (per: FakeQuantRule["per"], axis?: number): FakeQuantRule[] =>
    fakeFormats.map((format) => ({
      pattern: `${format}_node`,
      format,
      ...(fixed.test(format) || per === undefined ? {} : { per }),
      ...(fixed.test(format) || axis === undefined ? {} : { axis }),
    }));

  it("gives on the device what the plain references give, at any granularity", async () => {
    const reference = new CpuBackend(graphKernelReferences);
    const backend = await executing();
    const granularity = constantFrom<FakeQuantRule["per"]>(undefined, "tensor", "channel", "token", { group: 5 });
    await assert(
      asyncProperty(
        record({
          lead: integer({ min: 1, max: 5 }),
          tail: constantFrom(64, 128),
          per: granularity,
          axis: constantFrom(0, 1, -1),
          seed: integer(),
          spread: constantFrom(0, 4, 30),
        }),
        async ({ lead, tail, per, axis, seed, spread }) => {
          const dims = [lead, 3, tail];
          const random = seededRandom(seed, "values");
          const data = Float32Array.from({ length: elementCount(dims) }, () => random.normal() * 2 ** (random.uniform(-0.5, 0.5) * spread)); // prettier-ignore
          const usesAxis = per === "channel" || typeof per === "object";
          const fakeQuant = rulesFor(per, usesAxis ? axis : undefined);
          const input: InputTensor = { name: "x", dtype: "f32", dims, data };
          const expected = await runGraph(everything, [input], reference, { fakeQuant });
          const got = await runGraph(everything, [input], backend, { fakeQuant });
          for (const format of fakeFormats) {
            expect([...(got[format]?.data ?? [])], format).toEqual([...(expected[format]?.data ?? [])]);
          }
        },
      ),
      { numRuns: 8, seed: 20 },
    );
  });

  it("is near what it stands for, the wider the nearer", async () => {
    const input = floatInput("x", [4, 3, 128]);
    const got = await runGraph(everything, [input], await executing(), { fakeQuant: rulesFor(undefined) });
    const error = (format: FakeFormat): number => {
      const values = got[format]?.data ?? [];
      return Math.sqrt([...input.data].reduce((sum, x, i) => sum + (x + (values[i] ?? 0)) ** 2, 0) / input.data.length);
    };
    const order: readonly (readonly FakeFormat[])[] = [
      ["fp16", "bf16", "fp8-e4m3", "fp8-e5m2"],
      ["int16", "int8", "int4", "int3", "int2"],
      ["uint16", "uint8", "uint4", "uint3", "uint2"],
      ["mxfp8-e4m3", "mxfp8-e5m2", "mxfp4"],
      ["mxfp6-e2m3", "nvfp4"],
      ["nf4", "fp4", "binary"],
    ];
    for (const list of order) {
      const errors = list.map(error);
      expect(errors, list.join()).toEqual(errors.toSorted((a, b) => a - b));
      expect(errors[0]).toBeGreaterThan(0);
    }
    for (const format of fakeFormats) expect(error(format), format).toBeLessThan(1);
  });

  it("takes given scales of fp8, as QuantizeLinear of operator set 19 does", async () => {
    const input = floatInput("x", [5, 40]);
    for (const [format, type] of [
      ["fp8-e4m3", OnnxType.FLOAT8E4M3FN],
      ["fp8-e5m2", OnnxType.FLOAT8E5M2],
    ] as const) {
      const model = smallModel({
        opset: 19,
        nodes: [op("Neg", ["x"], ["y"])],
        inputs: [["x", [5, 40]]],
        outputs: [["y", undefined]],
      });
      const got = await runGraph(model, [input], await executing(), {
        fakeQuant: [{ pattern: "x", format, scale: 0.01 }],
      });
      const file = smallModel({
        opset: 19,
        nodes: [
          op("Div", ["x", "s"], ["d"]),
          op("Cast", ["d"], ["q"], { to: BigInt(type) }),
          op("Cast", ["q"], ["c"], { to: BigInt(OnnxType.FLOAT) }),
          op("Mul", ["c", "s"], ["m"]),
          op("Neg", ["m"], ["y"]),
        ],
        inputs: [["x", [5, 40]]],
        outputs: [["y", undefined]],
        initializers: [floatTensor("s", [], [0.01])],
      });
      const [expected] = await runPlainly(await onnxBytes(file), [input]);
      expect(largestDifference(expected?.data ?? [], got["y"]?.data ?? [])).toBeLessThan(1e-6);
    }
  });
});
