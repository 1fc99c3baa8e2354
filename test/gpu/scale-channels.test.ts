// Channels scaled for nothing: which activations can be, that the model computes the same, and that its weights lose
// less when they are rounded.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { quantizeCalibrated } from "../../src/cli/commands/quantize-calibrated.ts";
import { fromFile } from "../../src/node-files.ts";
import { openOnnx } from "../../src/compress/open-model.ts";
import { planCompression } from "../../src/compress/plan-compression.ts";
import {
  activationAwareScales,
  outlierRatio,
  smoothChannels,
  type ScaledModel,
} from "../../src/compress/scale-channels.ts";
import { calibrate } from "../../src/execute/calibrate.ts";
import { Executor, type GraphInput } from "../../src/execute/executor.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { testDevice } from "../support/gpu.ts";
import { floatTensor, largestDifference, onnxSource, op, randomTensor, smallModel } from "../support/onnx-models.ts";

const device = testDevice();
const folder = mkdtempSync(join(tmpdir(), "wgslim-scaled-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const width = 64;

/** A gated layer after a norm, then one with a bias behind a relu; the last product's input is read twice. */
const source = () =>
  onnxSource(
    smallModel({
      nodes: [
        op("LayerNormalization", ["x", "gamma", "beta"], ["h"]),
        op("MatMul", ["h", "gate"], ["g"]),
        op("MatMul", ["h", "up"], ["u"]),
        op("Sigmoid", ["g"], ["s"]),
        op("Mul", ["s", "u"], ["m"]),
        op("MatMul", ["m", "down"], ["d"]),
        op("Gemm", ["d", "wide", "bias"], ["w"], { transB: 1n }),
        op("Relu", ["w"], ["r"]),
        op("MatMul", ["r", "narrow"], ["n"]),
        op("Softmax", ["n"], ["p"]),
        op("MatMul", ["p", "head"], ["y"]),
      ],
      inputs: [["x", ["rows", width]]],
      outputs: [["y", ["rows", width]]],
      initializers: [
        // Few channels are much larger than the others.
        floatTensor(
          "gamma",
          [width],
          Array.from({ length: width }, (_, i) => (i % 16 === 3 ? 12 : 0.4)),
        ),
        randomTensor("beta", [width], 0.1),
        randomTensor("gate", [width, 96], 0.1),
        randomTensor("up", [width, 96], 0.1),
        randomTensor("down", [96, width], 0.1),
        randomTensor("wide", [128, width], 0.3),
        randomTensor("bias", [128], 0.3),
        randomTensor("narrow", [128, width], 0.1),
        randomTensor("head", [width, width], 1),
      ],
    }),
  );

const batch = (name: string): Record<string, GraphInput> => {
  const { dims } = { dims: [48, width] };
  const values = randomTensor(name, dims);
  if (values.data.kind !== "bytes") throw new Error("values are given");
  return { x: { dims, data: new Float32Array(values.data.bytes.slice().buffer) } };
};

async function open() {
  const backend = new WebGpuBackend(await device(), { ...kernelSpecs, ...graphKernelSpecs });
  const model = await openOnnx(await source());
  const tensors = ["h", "m", "d", "r", "p"];
  const statistics = await calibrate(model.onnx, backend, [batch("first"), batch("second")], {
    sha256: "0".repeat(64),
    tensors,
    moments: tensors,
  });
  return { backend, model, statistics };
}

async function outputOf(onnx: ScaledModel["onnx"], backend: WebGpuBackend): Promise<ArrayLike<number>> {
  const executor = await Executor.create(onnx, backend);
  try {
    return (await executor.run(batch("third")))["y"]?.data ?? [];
  } finally {
    executor.dispose();
  }
}

describe("channels scaled for nothing", () => {
  it("by AWQ lose less in the weights, and the model computes the same", async () => {
    const { backend, model, statistics } = await open();
    const plan = planCompression(model, backend.profile, { format: "int4", skip: false });
    const { onnx, channels } = await activationAwareScales(model, plan, statistics, backend);
    const [h, m, , r] = channels;
    expect(channels.map(({ input }) => input)).toEqual(["h", "m", "d", "r", "p"]);
    expect(h?.strength).toBeGreaterThan(0);
    expect(h?.error).toBeLessThan(0.8 * (h?.plainError ?? 0));
    expect(h?.outliers).toBeGreaterThan(5);
    for (const each of [m, r]) expect(each?.error).toBeLessThanOrEqual(each?.plainError ?? 0);
    expect(channels[4]).toMatchObject({ reason: expect.stringContaining("Softmax") });
    const [before, after] = [await outputOf(model.onnx, backend), await outputOf(onnx, backend)];
    expect(largestDifference(before, after)).toBeLessThan(1e-5);
    expect(onnx.graph.initializers.find(({ name }) => name === "gate")).not.toBe(
      model.onnx.graph.initializers.find(({ name }) => name === "gate"),
    );
  });

  it("by SmoothQuant take the outliers out of activations, and the model computes the same", async () => {
    const { backend, model, statistics } = await open();
    const { onnx, channels } = await smoothChannels(model, statistics, { strength: 0.8 });
    expect(channels[0]).toMatchObject({ input: "h", strength: 0.8 });
    const [before, after] = [await outputOf(model.onnx, backend), await outputOf(onnx, backend)];
    expect(largestDifference(before, after)).toBeLessThan(1e-5);
    const moved = await calibrate(onnx, backend, [batch("first")], { sha256: "0".repeat(64), tensors: ["h"] });
    const largest = (of: typeof statistics): number => outlierRatio(of.tensors["h"]?.channelAbsMax ?? []);
    expect(largest(moved)).toBeLessThan(largest(statistics) / 3);
  });
});

it.each(["gptq", "awq", "smoothquant"] as const)("wgslim quantize --algorithm %s", async (algorithm) => {
  const [input, data, output] = ["model.onnx", "rows.jsonl", `${algorithm}.onnx`].map((name) => join(folder, name));
  const bytes = await source();
  writeFileSync(input ?? "", await bytes.read(0, bytes.size));
  const rows = Array.from(batch("first")["x"]?.data ?? []);
  const lines = Array.from({ length: 48 }, (_, i) => JSON.stringify({ x: rows.slice(i * width, (i + 1) * width) }));
  writeFileSync(data ?? "", lines.join("\n"));
  const flags = { output: output ?? "", format: "int4", calibration: data ?? "", adapter: "webgpu", quiet: true };
  await quantizeCalibrated(algorithm)(input ?? "", flags, new AbortController().signal);
  const packed = await fromFile(output ?? "");
  try {
    const { onnx } = await openOnnx(packed);
    expect(onnx.graph.nodes.filter(({ opType }) => opType === "MatMulNBits").length).toBeGreaterThan(4);
  } finally {
    await packed.close?.();
  }
  const withoutData = { ...flags, calibration: undefined, force: true };
  const run = quantizeCalibrated(algorithm)(
    input ?? "",
    withoutData as unknown as typeof flags,
    new AbortController().signal,
  );
  await expect(run).rejects.toThrow(UsageError);
});
