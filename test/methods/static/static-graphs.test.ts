// Static models of small graphs: what is integer and what is not, with reasons; that onnxruntime's CPU and wasm
// providers load and run every form, close to the float model; and that our executor gives what they give.
import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { Executor } from "../../../src/execute/executor.ts";
import { readOnnx } from "../../../src/formats/onnx/read.ts";
import { readTensorBytes } from "../../../src/formats/onnx/tensor-data.ts";
import { fromBytes } from "../../../src/formats/sources/memory.ts";
import { graphKernelReferences } from "../../../src/kernels/graph-references.ts";
import { prepareStatic, settleOptions, type StaticOptions } from "../../../src/methods/static/prepare.ts";
import { planStatic } from "../../../src/compress/plan-static.ts";
import { CpuBackend } from "../../../src/run/cpu-backend.ts";
import {
  floatInput,
  floatTensor,
  intTensor,
  onnxSource,
  op,
  randomTensor,
  smallModel,
} from "../../support/onnx-models.ts";
import { runOracle } from "../../support/ort.ts";
import { calibrated, makeStatic, packStatic } from "../../support/static.ts";

/** A residual block with a batch normalization, a pool, a hard swish in primitives, and a classifier. */
const block = smallModel({
  opset: 11,
  inputs: [["x", [2, 3, 8, 8]]],
  outputs: [["logits", [2, 5]]],
  nodes: [
    op("Conv", ["x", "w1"], ["c1"], { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] }),
    op("BatchNormalization", ["c1", "gamma", "beta", "mean", "variance"], ["n1"]),
    op("Relu", ["n1"], ["r1"]),
    op("Conv", ["r1", "w2", "b2"], ["c2"], { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] }),
    op("Add", ["c2", "r1"], ["sum"]),
    op("Relu", ["sum"], ["r2"]),
    op("MaxPool", ["r2"], ["pooled"], { kernel_shape: [2n, 2n], strides: [2n, 2n] }),
    op("Conv", ["pooled", "w3", "b3"], ["c3"], { kernel_shape: [1n, 1n] }),
    op("Clip", ["c3", "zero", "six"], ["clipped"]),
    op("Mul", ["c3", "clipped"], ["gated"]),
    op("Div", ["gated", "six"], ["swished"]),
    op("Conv", ["swished", "w4"], ["c4"], { kernel_shape: [1n, 1n] }),
    op("Concat", ["c4", "pooled"], ["joined"], { axis: 1n }),
    op("GlobalAveragePool", ["joined"], ["mean_pool"]),
    op("Reshape", ["mean_pool", "shape"], ["flat"]),
    op("Gemm", ["flat", "wf", "bf"], ["logits"], { transB: 1n }),
  ],
  initializers: [
    randomTensor("w1", [6, 3, 3, 3], 0.4),
    floatTensor("gamma", [6], [1, 2, 0.5, 0.1, 1, 3]),
    floatTensor("beta", [6], [0.1, 0, -0.2, 0.3, 0, 0.5]),
    floatTensor("mean", [6], [0, 0.1, 0.2, -0.1, 0, 0]),
    floatTensor("variance", [6], [1, 2, 0.5, 1, 0.1, 1]),
    randomTensor("w2", [6, 6, 3, 3], 0.2),
    randomTensor("b2", [6], 0.3),
    randomTensor("w3", [8, 6, 1, 1], 0.5),
    randomTensor("b3", [8], 0.3),
    randomTensor("w4", [6, 8, 1, 1], 0.3),
    floatTensor("zero", [], [0]),
    floatTensor("six", [], [6]),
    intTensor("shape", [2, 12]),
    randomTensor("wf", [5, 12], 0.5),
    randomTensor("bf", [5], 0.3),
  ],
});

const batches = [1, 2, 3, 4].map((seed) => [floatInput("x", [2, 3, 8, 8], seed)]);
const probe = [floatInput("x", [2, 3, 8, 8], 9)];

/** Largest difference over the expected's largest magnitude. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const expected = Array.from(a);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN)))) / largest;
}

/**
 * x86 without VNNI multiplies codes of which one is signed with saturating sums, in onnxruntime: files of signed
 * activations need only load there.
 */
const variants: readonly (StaticOptions & { readonly bound: number; readonly saturates?: boolean })[] = [
  { bound: 0.06 },
  { perChannel: false, bound: 0.08 },
  { activation: "int8", bound: 0.06, saturates: true },
  { symmetricWeights: false, bound: 0.06 },
  { symmetricActivations: true, bound: 0.08 },
  { activation: "uint16", bound: 0.03 },
  { activation: "int16", bound: 0.03 },
  { form: "qoperator", bound: 0.06 },
  { form: "qoperator", activation: "int8", perChannel: false, bound: 0.08, saturates: true },
  { provider: "webgpu", bound: 0.06 },
];

describe("a residual block", () => {
  it.each(variants)(
    "%o: runs on CPU, wasm and our executor, close to float",
    async ({ bound, saturates = false, ...options }) => {
      const source = await onnxSource(block);
      const [float] = await runOracle(new Uint8Array(await source.read(0, source.size)), probe);
      const { bytes } = await makeStatic(source, batches, options);
      const [cpu] = await runOracle(bytes, probe);
      const [wasm] = await runOracle(bytes, probe, "wasm");
      expect([cpu?.dims, wasm?.dims]).toEqual([float?.dims, float?.dims]);
      if (!saturates) {
        expect(distance(float?.data ?? [], cpu?.data ?? [])).toBeLessThan(bound);
        expect(distance(cpu?.data ?? [], wasm?.data ?? [])).toBeLessThan(0.02);
      }
      // The executor has no QGemm.
      if (options.form === "qoperator") return;
      using executor = await Executor.create(
        await readOnnx(fromBytes("static.onnx", bytes)),
        new CpuBackend(graphKernelReferences),
      );
      const given = Object.fromEntries(probe.map(({ name, dims, data }) => [name, { dims, data }]));
      const { logits: own } = await executor.run(given);
      expect(distance(float?.data ?? [], own?.data ?? [])).toBeLessThan(bound);
      if (!saturates) expect(distance(cpu?.data ?? [], own?.data ?? [])).toBeLessThan(0.02);
    },
  );

  it("takes in normalizations and clamps, and leaves what stands among floats", async () => {
    const { assignment, prepared, bytes } = await makeStatic(await onnxSource(block), batches);
    const { nodes } = prepared.model.graph;
    expect(nodes.map(({ opType }) => opType)).not.toContain("BatchNormalization");
    expect([...assignment.dropped].map((index) => nodes[index]?.opType)).toEqual(["Relu", "Relu"]);
    const floats = new Map(assignment.floats.map(({ name, reason }) => [name, reason]));
    expect(floats.get("gated_node")).toBe("only floats read what it makes");
    expect([...assignment.nodes.values()].map(({ node }) => node.opType)).toEqual(
      expect.arrayContaining(["Conv", "Add", "MaxPool", "Concat", "GlobalAveragePool", "Reshape", "Gemm"]),
    );
    // What only moves codes keeps their scale.
    expect(assignment.parameters.get("pooled")).toBe(assignment.parameters.get("r2"));
    expect(assignment.parameters.get("flat")).toBe(assignment.parameters.get("mean_pool"));
    const written = await readOnnx(fromBytes("static.onnx", bytes));
    expect(written.opsets).toContainEqual({ domain: "", version: 13 });
    expect(written.graph.initializers.map(({ name }) => name)).not.toContain("w2");
  });

  it("gives biases the product of both scales", async () => {
    const { bytes, prepared, assignment } = await makeStatic(await onnxSource(block), batches);
    const opened = await readOnnx(fromBytes("static.onnx", bytes));
    const read = async (name: string): Promise<Float32Array> => {
      const tensor = opened.graph.initializers.find((each) => each.name === name);
      if (!tensor) throw new Error(`no ${name}`);
      return new Float32Array((await readTensorBytes(tensor)).slice().buffer);
    };
    // The device's scales are those that the bias was made for.
    const scales = await read("w2_scale");
    expect([...scales]).toEqual([...(prepared.weights.get("w2")?.scales ?? [])]);
    const input = assignment.parameters.get("r1")?.scale ?? 0;
    expect([...(await read("b2_scale"))]).toEqual([...scales].map((scale) => Math.fround(scale * input)));
  });

  it("leaves nodes float by rule and by what their codes would keep", async () => {
    const source = await onnxSource(block);
    const prepared = await prepareStatic(block);
    const ranges = await calibrated(prepared, batches);
    const { assignment } = planStatic({ source }, prepared, ranges, { rules: [{ pattern: "c2", format: "skip" }] });
    expect(assignment.floats).toContainEqual({ name: "c2_node", reason: 'rule "c2"' });
    const spiked = new Map(ranges).set("swished", { min: 0, max: 1e6, meanSquare: 1 });
    const sensitive = planStatic({ source }, prepared, spiked).assignment.floats.find(({ name }) => name === "c4_node");
    expect(sensitive?.reason).toMatch(/^sensitive: uint8 codes of "swished"/);
    expect(() => planStatic({ source }, prepared, ranges, { rules: [{ pattern: "nothing", format: "skip" }] })).toThrow(
      UsageError,
    );
    expect(() => planStatic({ source }, prepared, ranges, { rules: [{ pattern: "*", format: "skip" }] })).toThrow(
      /No operator .* can be quantized statically/,
    );
  });

  it("refuses forms that nothing runs", () => {
    expect(() => settleOptions({ form: "qoperator", activation: "int16" })).toThrow(UsageError);
    expect(() => settleOptions({ form: "qoperator", provider: "webgpu" })).toThrow(UsageError);
  });

  it("is loaded as integer operators: onnxruntime finds every group", async () => {
    const source = await onnxSource(block);
    const [qdq, integer] = [
      await makeStatic(source, batches),
      await makeStatic(source, batches, { form: "qoperator" }),
    ];
    const [a, b] = await Promise.all([runOracle(qdq.bytes, probe), runOracle(integer.bytes, probe)]);
    // Fused groups compute what the written operators do, to the bit.
    expect(distance(a[0]?.data ?? [], b[0]?.data ?? [])).toBeLessThan(1e-6);
    expect(await packStatic(source, qdq.prepared, qdq.ranges)).toMatchObject({ bytes: qdq.bytes });
  });
});
