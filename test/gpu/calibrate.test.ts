// Calibration on the device: figures of activations against the activations themselves, halves against the whole,
// and what is refused.
import { describe, expect, it } from "vitest";
import { NonFiniteError, UsageError } from "../../src/base/errors.ts";
import { mergeStatistics, readStatistics, statisticsToJson } from "../../src/calibrate/statistics.ts";
import type { InputTensor } from "../../src/evaluate/tensors.ts";
import { calibrate } from "../../src/execute/calibrate.ts";
import { Executor, type GraphInput, type GraphOutput } from "../../src/execute/executor.ts";
import type { OnnxModel } from "../../src/formats/onnx/ir.ts";
import { readOnnx } from "../../src/formats/onnx/read.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { testDevice } from "../support/gpu.ts";
import { bertBase } from "../zoo/bert.ts";
import { lenet5 } from "../zoo/lenet.ts";
import { lstmTagger } from "../zoo/taggers.ts";

const device = testDevice();
const backend = async (): Promise<WebGpuBackend> => new WebGpuBackend(await device(), graphKernelSpecs);
const sha256 = "ab".repeat(32);

type Given = Readonly<Record<string, GraphInput>>;

const given = (inputs: readonly InputTensor[]): Given =>
  Object.fromEntries(inputs.map(({ name, dims, data }) => [name, { dims, data }]));

const open = async (bytes: Uint8Array): Promise<OnnxModel> => await readOnnx(fromBytes("model.onnx", bytes));

/** The figures of some runs' activations, from their elements. */
function figuresOf(runs: readonly GraphOutput[], axis: number) {
  const [first] = runs;
  const dims = first?.dims.length ? first.dims : [1];
  const channels = dims.length < 2 ? (dims[0] ?? 1) : (dims[axis] ?? 1);
  const inner = dims.length < 2 ? 1 : dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const values = runs.flatMap(({ data }) => [...data]);
  const means = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const largest = new Float64Array(channels);
  const size = first?.data.length ?? 0;
  for (const [i, value] of values.entries()) {
    const channel = Math.floor((i % size) / inner) % channels;
    means[channel] = (means[channel] ?? 0) + (value * channels) / values.length;
    squares[channel] = (squares[channel] ?? 0) + (value * value * channels) / values.length;
    largest[channel] = Math.max(largest[channel] ?? 0, Math.abs(value));
  }
  return { values, means, squares, largest };
}

const near = (found: readonly number[] | undefined, expected: Float64Array, scale: number): boolean =>
  found?.length === expected.length && found.every((each, i) => Math.abs(each - (expected[i] ?? 0)) <= 2e-5 * scale);

describe("calibrate", () => {
  it.each([lenet5, bertBase, lstmTagger])(
    "measures the activations of $name",
    async (entry) => {
      const model = await open(entry.build());
      const batches = [given(entry.inputs(3)), given(entry.inputs(4))];
      const statistics = await calibrate(model, await backend(), batches, { sha256 });
      const names = Object.keys(statistics.tensors);
      expect(names.length).toBeGreaterThan(8);
      expect(names).toEqual(expect.arrayContaining(model.graph.outputs.map(({ name }) => name)));
      using executor = await Executor.create(model, await backend(), { outputs: names });
      const runs = [await executor.run(batches[0] ?? {}), await executor.run(batches[1] ?? {})];
      for (const name of names) {
        const found = statistics.tensors[name];
        const { values, means, squares, largest } = figuresOf(
          runs.flatMap((run) => run[name] ?? []),
          found?.axis ?? 0,
        );
        const reach = Math.max(...values.map(Math.abs), 1e-30);
        expect(found?.count, name).toBe(values.length);
        // Fused and unfused kernels round apart.
        expect(Math.abs((found?.min ?? 0) - Math.min(...values)) / reach, name).toBeLessThan(1e-5);
        expect(Math.abs((found?.max ?? 0) - Math.max(...values)) / reach, name).toBeLessThan(1e-5);
        expect(near(found?.channelMeans, means, reach), name).toBe(true);
        expect(near(found?.channelMeanSquare, squares, reach ** 2), name).toBe(true);
        expect(near(found?.channelAbsMax, largest, reach), name).toBe(true);
      }
    },
    60_000,
  );

  it("reads back figures only, a few for each channel", async () => {
    const model = await open(lenet5.build());
    const inputs = given(lenet5.inputs(1));
    const statistics = await calibrate(model, await backend(), [inputs], { sha256 });
    using executor = await Executor.create(model, await backend(), {
      observe: { tensors: Object.keys(statistics.tensors), axisOf: (_, rank) => (rank === 4 ? 1 : rank - 1) },
    });
    const { outputs } = executor.plan(inputs);
    expect(outputs.length).toBe(6 * Object.keys(statistics.tensors).length);
    for (const { dims } of outputs) expect(dims.length).toBe(1);
  });

  it("gives the same from two halves, through files, as from the whole", async () => {
    const model = await open(lenet5.build());
    const batches = [1, 2, 3, 4].map((seed) => given(lenet5.inputs(seed)));
    const whole = await calibrate(model, await backend(), batches, { sha256 });
    const halves = [batches.slice(0, 1), batches.slice(1)].map(async (part) =>
      readStatistics(statisticsToJson(await calibrate(model, await backend(), part, { sha256 })), "half.json", sha256),
    );
    const [first, second] = await Promise.all(halves);
    if (!first || !second) throw new Error("no halves");
    const merged = mergeStatistics(first, second);
    expect(merged.samples).toBe(whole.samples);
    for (const [name, tensor] of Object.entries(whole.tensors)) {
      const other = merged.tensors[name];
      expect([other?.count, other?.min, other?.max]).toEqual([tensor.count, tensor.min, tensor.max]);
      expect(other?.channelAbsMax).toEqual(tensor.channelAbsMax);
      expect(other?.meanSquare).toBeCloseTo(tensor.meanSquare, 9);
    }
  });

  it("refuses nothing to measure, unknown values, and what is not finite, by its first node", async () => {
    const model = await open(lenet5.build());
    const inputs = given(lenet5.inputs(1));
    await expect(calibrate(model, await backend(), [], { sha256 })).rejects.toThrow(UsageError);
    const unknown = calibrate(model, await backend(), [inputs], { sha256, tensors: ["nothing"] });
    await expect(unknown).rejects.toThrow(/"nothing"/);
    const [[name = "", input] = []] = Object.entries(inputs);
    if (!input) throw new Error("no input");
    const broken = { [name]: { dims: input.dims, data: Float64Array.from(input.data, (x, i) => (i === 5 ? NaN : x)) } };
    const refused = calibrate(model, await backend(), [broken], { sha256 });
    await expect(refused).rejects.toThrow(NonFiniteError);
    await expect(refused).rejects.toMatchObject({ details: { tensor: name } });
    // Finite inputs whose products are not.
    const huge = { [name]: { dims: input.dims, data: Float64Array.from(input.data, () => 3e38) } };
    await expect(calibrate(model, await backend(), [huge], { sha256 })).rejects.toThrow(/the output of/);
  });
});
