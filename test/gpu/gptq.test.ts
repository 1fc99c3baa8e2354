// GPTQ of whole layers on the device: as good as the published algorithm in doubles, with the bytes of plain rounding,
// and honest where it can't be done.
import { describe, expect, it } from "vitest";
import type { Statistics, TensorStatistics } from "../../src/calibrate/statistics.ts";
import { runGptq, type GptqRunOptions } from "../../src/compress/gptq.ts";
import { openOnnx } from "../../src/compress/open-model.ts";
import { planCompression, type QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import { runCompression } from "../../src/compress/run-compression.ts";
import { toMemory } from "../../src/formats/sources/memory.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { lowestCode, type AffineRule } from "../../src/kernels/quantize/affine-rule.ts";
import { getCode } from "../../src/kernels/quantize/shape.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { secondMoments } from "../kernels/factor/matrices.ts";
import { weights } from "../kernels/quantize/float-fixtures.ts";
import { testDevice } from "../support/gpu.ts";
import { referenceGptq, referenceRounding, weightedError, type ReferenceLayer } from "../support/gptq-reference.ts";
import { floatTensor, onnxSource, op, smallModel } from "../support/onnx-models.ts";

const device = testDevice();

interface Layer extends ReferenceLayer {
  /** The weight lies as Gemm's transposed [n, k] in place of MatMul's [k, n]. */
  readonly rowMajor: boolean;
}

function layerOf(k: number, n: number, rowMajor = false): Layer {
  return { n, k, rowMajor, weight: weights(n * k, k + n), gram: secondMoments(k, 3 * k, 0) };
}

async function modelOf({ n, k, weight, rowMajor }: Layer) {
  const held = rowMajor
    ? floatTensor("w", [n, k], Array.from(weight))
    : floatTensor(
        "w",
        [k, n],
        Array.from({ length: n * k }, (_, at) => weight[(at % n) * k + Math.floor(at / n)] ?? 0),
      );
  const node = rowMajor ? op("Gemm", ["x", "w"], ["y"], { transB: 1n }) : op("MatMul", ["x", "w"], ["y"]);
  return await openOnnx(
    await onnxSource(
      smallModel({ nodes: [node], inputs: [["x", ["rows", k]]], outputs: [["y", ["rows", n]]], initializers: [held] }),
    ),
  );
}

function statisticsOf({ k, gram }: ReferenceLayer): Statistics {
  const squares = Array.from({ length: k }, (_, i) => Math.abs(gram[i * k + i] ?? 0) / 100);
  const x = {
    count: 100 * k,
    min: -1,
    max: 1,
    meanSquare: 1,
    axis: 1,
    channelAbsMean: squares.map(Math.sqrt),
    channelMeanSquare: squares,
    gram: Float64Array.from(gram),
  };
  return { version: 1, model: "0".repeat(64), samples: 1, tensors: { x } };
}

const meanSquare = ({ k, gram }: ReferenceLayer): number =>
  Array.from({ length: k }, (_, i) => gram[i * k + i] ?? 0).reduce((sum, value) => sum + value, 0) / k;

async function quantize(
  layer: Layer,
  recipe: QuantizeRecipe,
  options: GptqRunOptions,
  seen: (x: TensorStatistics) => TensorStatistics = (x) => x,
) {
  const backend = new WebGpuBackend(await device(), { ...kernelSpecs, ...graphKernelSpecs });
  const model = await modelOf(layer);
  const plan = planCompression(model, backend.profile, { skip: false, ...recipe });
  const { tensors, ...rest } = statisticsOf(layer);
  const statistics = {
    ...rest,
    tensors: Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, seen(x)])),
  };
  return { backend, model, plan, ...(await runGptq(model, plan, statistics, backend, options)) };
}

const recipeOf = ({ bits, scheme }: AffineRule, blockSize: number): QuantizeRecipe => ({
  format: bits === 2 ? "int2" : bits === 8 ? "int8" : "int4",
  formatOptions: {
    blockSize,
    symmetric: scheme !== "asymmetric",
    search: { kind: "absmax" },
    operator: "matmul-nbits",
  },
});

const ruleOf = (bits: AffineRule["bits"], scheme: AffineRule["scheme"]): AffineRule => ({
  bits,
  signed: false,
  scheme,
  rounding: "half-up",
  halfScales: false,
});

interface Case {
  readonly layer: Layer;
  readonly rule: AffineRule;
  readonly blockSize: number;
}

/** Errors of the device, of the reference and of plain rounding, tr(D H D^T). */
async function compare({ layer, rule, blockSize }: Case) {
  const damping = 0.01;
  const { layers, given } = await quantize(layer, recipeOf(rule, blockSize), { actOrder: false, clips: 1, damping });
  const [found] = layers;
  const reference = { rule, blockSize, damping };
  const codes = [...given.values()][0];
  const { n, k } = layer;
  const blocks = Math.ceil(k / blockSize);
  const scales = new Float32Array(codes?.scales.buffer ?? new ArrayBuffer(0));
  const zeros = new Int32Array(codes?.zeros.buffer ?? new ArrayBuffer(0));
  const decoded = Float64Array.from({ length: n * k }, (_, at) => {
    const [row, i] = [Math.floor(at / k), at % k];
    const group = row * blocks + Math.floor(i / blockSize);
    const code = getCode(codes?.codes ?? new Uint8Array(), row * blocks * blockSize + i, rule.bits) + lowestCode(rule);
    return (code - (zeros[group] ?? 0)) * (scales[group] ?? 0);
  });
  return {
    found,
    scale: meanSquare(layer) * n * k,
    device: weightedError(layer, decoded),
    reference: weightedError(layer, referenceGptq(layer, reference)),
    plain: () => weightedError(layer, referenceRounding(layer, reference)),
  };
}

const cases: readonly (Case & { readonly name: string })[] = [
  { name: "4 bits, asymmetric", layer: layerOf(160, 40), rule: ruleOf(4, "asymmetric"), blockSize: 32 },
  { name: "4 bits, [n, k], a ragged end", layer: layerOf(147, 37, true), rule: ruleOf(4, "asymmetric"), blockSize: 16 },
  { name: "4 bits, symmetric", layer: layerOf(128, 64), rule: ruleOf(4, "symmetric-full"), blockSize: 64 },
  { name: "2 bits", layer: layerOf(192, 24), rule: ruleOf(2, "symmetric-full"), blockSize: 16 },
  { name: "8 bits", layer: layerOf(96, 32), rule: ruleOf(8, "asymmetric"), blockSize: 32 },
];

describe("against GPTQ in doubles", () => {
  it.each(cases)("$name", async (each) => {
    const { found, scale, device: own, reference, plain } = await compare(each);
    expect(found).toMatchObject({ algorithm: "gptq", damping: 0.01 });
    // What the device says of itself is what its codes do.
    expect((found?.error ?? 0) * scale).toBeCloseTo(own, 3 - Math.floor(Math.log10(own)) - 1);
    expect(own).toBeLessThan(plain());
    // A code that falls the other side of a tie moves all that follow; elsewhere the two are alike.
    expect(own).toBeLessThan(reference * 1.01);
  });

  it("768 x 768 within 1 %", async () => {
    if ((await device()).profile.adapterClass !== "llvmpipe") return;
    const k = 768;
    // Not from inputs: their products would take longer than all the rest.
    const gram = Float64Array.from({ length: k * k }, (_, at) => {
      const [i, j] = [Math.floor(at / k), at % k];
      return 0.8 ** Math.abs(i - j) * (1 + (i % 7)) * (1 + (j % 7));
    });
    const layer = { n: k, k, rowMajor: false, weight: weights(k * k, 5), gram };
    const { device: own, reference } = await compare({ layer, rule: ruleOf(4, "asymmetric"), blockSize: 32 });
    expect(own).toBeLessThan(reference * 1.01);
  });
});

it("loses less with channels of large inputs first, and writes a file as large as plain rounding does", async () => {
  const layer = layerOf(128, 48);
  const recipe: QuantizeRecipe = { format: "int4" };
  const { backend, model, plan, given, layers } = await quantize(layer, recipe, {});
  expect(layers[0]?.error).toBeLessThan(0.9 * (layers[0]?.plainError ?? 0));
  const write = async (codes?: typeof given) => {
    const sink = toMemory("packed.onnx");
    const own = codes ? planCompression(model, backend.profile, { skip: false, ...recipe }, { given: codes }) : plan;
    // The proof decodes what was written, and would end the run.
    await runCompression(own, backend, { output: sink });
    return sink.bytes();
  };
  const [plain, ours] = [await write(), await write(given)];
  expect(ours.length).toBe(plain.length);
  expect(Buffer.from(ours).equals(Buffer.from(plain))).toBe(false);
});

/** Second moments that are none: a pair of channels that are more than wholly correlated. */
function broken(excess: number): Layer {
  const layer = layerOf(48, 16);
  const gram = Float64Array.from(layer.gram);
  for (const [i, j] of [
    [3, 9],
    [9, 3],
  ] as const) {
    gram[i * 48 + j] = (1 + excess) * meanSquare(layer);
  }
  for (const i of [3, 9]) gram[i * 48 + i] = meanSquare(layer);
  return { ...layer, gram };
}

const withoutMoments = (x: TensorStatistics): TensorStatistics =>
  Object.fromEntries(Object.entries(x).filter(([key]) => key !== "gram")) as unknown as TensorStatistics;

describe("where it can't be done", () => {
  it("damps more", async () => {
    const { layers } = await quantize(broken(0.5), { format: "int4" }, {});
    expect(layers[0]).toMatchObject({ name: "w", damping: 1 });
  });

  it("searches scales by importance alone, and says why", async () => {
    const { layers, given } = await quantize(broken(40), { format: "int4" }, {});
    expect(given.size).toBe(1);
    expect(layers[0]).toMatchObject({ name: "w", algorithm: "weighted", reason: expect.stringContaining("factored") });
  });

  it("rounds plainly where there is no search to weigh, and says why", async () => {
    const search = { kind: "absmax" } as const;
    const { layers, given } = await quantize(broken(40), { format: "int4", formatOptions: { search } }, {});
    expect(given.size).toBe(0);
    expect(layers[0]).toMatchObject({ name: "w", algorithm: "rtn", reason: expect.stringContaining("factored") });
  });

  it("searches scales by importance where there are no second moments", async () => {
    const layer = layerOf(96, 24);
    const { layers, given } = await quantize(layer, { format: "int4" }, {}, withoutMoments);
    expect(given.size).toBe(1);
    expect(layers[0]).toMatchObject({ name: "w", algorithm: "weighted", reason: "no second moments of its input" });
  });
});
