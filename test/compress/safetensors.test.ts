// Quantizing safetensors: what is written under which names, that a stranger can decode it from the metadata alone,
// and that MatMulNBits takes the blocks as they are.
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { decodeHalf } from "../../src/base/half.ts";
import { seededRandom } from "../../src/base/random.ts";
import { openModel } from "../../src/compress/open-model.ts";
import { planCompression, type QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import { runCompression } from "../../src/compress/run-compression.ts";
import { OnnxType } from "../../src/formats/onnx/ir.ts";
import { makeTensor } from "../../src/formats/onnx/make.ts";
import { readTensorBytes } from "../../src/formats/onnx/tensor-data.ts";
import { writeLayout } from "../../src/formats/onnx/write.ts";
import { layoutSafetensors } from "../../src/formats/safetensors/layout.ts";
import { readSafetensors } from "../../src/formats/safetensors/read.ts";
import type { SafeTensor } from "../../src/formats/safetensors/types.ts";
import { fromBytes, toMemory } from "../../src/formats/sources/memory.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { portableProfile } from "../../src/plan/portable-profile.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { floatInput, largestDifference, onnxBytes, op, smallModel } from "../support/onnx-models.ts";
import { runPlainly } from "../support/ort-plain.ts";

const values = (name: string, count: number): Float32Array => seededRandom(2, name).normals(count);

function tensor(name: string, dtype: "F32" | "F16" | "BF16", shape: readonly number[]): SafeTensor {
  const floats = values(
    name,
    shape.reduce((a, b) => a * b, 1),
  );
  const bits = new Uint32Array(floats.buffer);
  // bf16 by cutting, f16 as small integers: exact in both.
  const bytes =
    dtype === "F32"
      ? new Uint8Array(floats.buffer)
      : new Uint8Array(
          Uint16Array.from(bits, (word) => (dtype === "BF16" ? word >>> 16 : 0x3c00 + (word & 0x3ff))).buffer,
        );
  return { name, dtype, shape, data: { kind: "bytes", bytes } };
}

const model: readonly SafeTensor[] = [
  tensor("layer.weight", "F32", [24, 40]),
  tensor("conv.weight", "BF16", [8, 5, 3, 3]),
  tensor("half.weight", "F16", [16, 64]),
  tensor("norm.weight", "F32", [40]),
  { name: "ids", dtype: "I64", shape: [2], data: { kind: "bytes", bytes: new Uint8Array(16).fill(7) } },
];

async function write(tensors: readonly SafeTensor[]): Promise<Uint8Array> {
  const sink = toMemory();
  await writeLayout(layoutSafetensors({ tensors, metadata: [["format", "pt"]] }), sink);
  await sink.commit();
  return sink.bytes();
}

async function quantize(recipe: QuantizeRecipe) {
  const opened = await openModel(fromBytes("m.safetensors", await write(model)));
  const backend = new CpuBackend(kernelReferences);
  const plan = planCompression(opened, backend.profile, { skip: false, ...recipe });
  const output = toMemory("out.safetensors");
  const result = await runCompression(plan, backend, { output });
  const written = await readSafetensors(fromBytes("out.safetensors", output.bytes()));
  const bytes = new Map<string, Uint8Array>();
  for (const { name, data, shape } of written.tensors) {
    bytes.set(name, (await readTensorBytes({ name, dataType: 2, dims: shape, data })).slice());
  }
  const described: Record<string, Described> = JSON.parse(new Map(written.metadata).get("wgslim.tensors") ?? "{}");
  return { plan, result, written, bytes, described };
}

interface Described {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly encoding: string;
  readonly bits: number;
  readonly signed: boolean;
  readonly granularity: "tensor" | "channel" | "block";
  readonly block?: number;
  readonly codes: string;
  readonly scales: string;
  readonly zeroPoints?: string;
  readonly zeroPoint?: number;
}

const floatsOf = (bytes: Uint8Array, half: boolean): number[] =>
  half ? Array.from(new Uint16Array(bytes.buffer), decodeHalf) : [...new Float32Array(bytes.buffer)];

/** Decodes a tensor from the file alone, by the words of its description. */
function decode(name: string, { described, bytes, written }: Awaited<ReturnType<typeof quantize>>): number[] {
  const about = described[name];
  if (!about) throw new Error(`no description of ${name}`);
  const part = (key: string | undefined): Uint8Array => bytes.get(key ?? "") ?? new Uint8Array(0);
  const half = written.tensors.find((t) => t.name === about.scales)?.dtype === "F16";
  const [codes, scales, zeros] = [part(about.codes), floatsOf(part(about.scales), half), part(about.zeroPoints)];
  const code = (from: Uint8Array, bit: number): number => {
    const raw = ((from[bit >> 3] ?? 0) >> (bit & 7)) & (2 ** about.bits - 1);
    return about.signed && raw >= 2 ** (about.bits - 1) ? raw - 2 ** about.bits : raw;
  };
  const [rows = 1] = about.shape;
  const width = about.shape.reduce((a, b) => a * b, 1) / rows;
  const blocks = about.block ? Math.ceil(width / about.block) : 1;
  return Array.from({ length: rows * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const block = about.block ? Math.floor(column / about.block) : 0;
    const group = about.granularity === "tensor" ? 0 : row * blocks + block;
    const at = about.block ? row * blocks * about.block + column : i;
    const zeroRow = about.block
      ? row * Math.ceil((blocks * about.bits) / 8) * 8 + block * about.bits
      : group * about.bits;
    const zero = about.zeroPoint ?? code(zeros, zeroRow);
    return Math.fround((code(codes, at * about.bits) - zero) * (scales[group] ?? NaN));
  });
}

const meanSquare = (from: ArrayLike<number>, to: ArrayLike<number>): number =>
  Array.from(from, (x, i) => (x - (to[i] ?? NaN)) ** 2).reduce((a, b) => a + b, 0) / from.length;

const absmax = { kind: "absmax" } as const;

describe("safetensors", () => {
  it.each<readonly [QuantizeRecipe["format"], QuantizeRecipe["formatOptions"], number]>([
    ["int8", {}, 1e-3],
    ["uint8", {}, 1e-3],
    ["int8", { granularity: "tensor" }, 1e-3],
    ["uint8", { blockSize: 32 }, 1e-3],
    ["int4", { search: absmax }, 2e-2],
    ["uint4", { search: absmax, symmetric: false }, 2e-2],
    ["int4", { granularity: "channel", symmetric: true, search: absmax }, 4e-2],
    ["uint4", { granularity: "tensor", symmetric: false, search: absmax }, 5e-2],
    ["int2", { search: absmax }, 0.5],
    ["q4f16", { search: absmax }, 2e-2],
  ])("%s %o decodes by its own description", async (format, formatOptions = {}, error) => {
    const made = await quantize({ format, formatOptions });
    const close = meanSquare(values("layer.weight", 960), decode("layer.weight", made));
    expect(close).toBeGreaterThan(0);
    expect(close).toBeLessThan(error);
    expect(decode("conv.weight", made)).toHaveLength(360);
    expect(made.plan.tensors.map(({ name }) => name)).toContain("half.weight");
    expect(made.result.tensors.find(({ name }) => name === "layer.weight")?.statistics.mse).toBeCloseTo(close, 6);
    expect([...(made.bytes.get("ids") ?? [])]).toEqual(Array.from({ length: 16 }, () => 7));
    expect(new Map(made.written.metadata).get("format")).toBe("pt");
  });

  it.each(["nf4", "fp4"] as const)("%s writes flat codes and absmax values", async (format) => {
    const { bytes, described } = await quantize({ format });
    expect(described["layer.weight"]).toMatchObject({ encoding: format, block: 64 });
    expect(bytes.get("layer.weight.codes")).toHaveLength(480);
    const largest = values("layer.weight", 960)
      .slice(0, 64)
      .reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(floatsOf(bytes.get("layer.weight.scales") ?? new Uint8Array(0), false)[0]).toBe(largest);
  });

  it("fp16 casts every f32 and bf16 tensor in place", async () => {
    const { written, bytes, plan } = await quantize({ format: "fp16" });
    expect(written.tensors.map(({ name, dtype }) => [name, dtype])).toEqual([
      ["ids", "I64"],
      ["conv.weight", "F16"],
      ["half.weight", "F16"],
      ["layer.weight", "F16"],
      ["norm.weight", "F16"],
    ]);
    const norm = floatsOf(bytes.get("norm.weight") ?? new Uint8Array(0), true);
    expect(largestDifference(values("norm.weight", 40), norm)).toBeLessThan(1e-3);
    expect(plan.tensors).toHaveLength(3);
  });

  it("obeys rules and skips, and lists them", async () => {
    const rules = [
      { pattern: "layer.*", format: "skip" as const },
      { pattern: "conv.*", format: "int8" as const },
    ];
    const { written, plan } = await quantize({ format: "int4", rules, skip: { minElements: 100 } });
    expect(plan.skipped).toEqual([{ name: "layer.weight", reason: 'rule "layer.*"' }]);
    const dtypes = new Map(written.tensors.map(({ name, dtype }) => [name, dtype]));
    expect(dtypes.get("layer.weight")).toBe("F32");
    expect(dtypes.get("conv.weight.codes")).toBe("I8");
    expect(dtypes.get("half.weight.scales")).toBe("F16");
  });

  it("packs blocks as MatMulNBits reads them", async () => {
    const made = await quantize({ format: "uint4", formatOptions: { search: absmax, symmetric: false } });
    const part = (suffix: string): Uint8Array => made.bytes.get(`layer.weight.${suffix}`) ?? new Uint8Array(0);
    const x = floatInput("x", [5, 40]);
    const packed = smallModel({
      nodes: [
        op("MatMulNBits", ["x", "c", "s", "z"], ["y"], { K: 40n, N: 24n, bits: 4n, block_size: 32n }, "com.microsoft"),
      ],
      domains: ["com.microsoft"],
      inputs: [["x", [5, 40]]],
      outputs: [["y", undefined]],
      initializers: [
        makeTensor("c", OnnxType.UINT8, [24, 2, 16], part("codes")),
        makeTensor("s", OnnxType.FLOAT, [48], part("scales")),
        makeTensor("z", OnnxType.UINT8, [24], part("zero_points")),
      ],
    });
    const [y] = await runPlainly(await onnxBytes(packed), [x]);
    const weights = decode("layer.weight", made);
    const expected = Array.from({ length: 5 * 24 }, (_, i) => {
      const [row, column] = [Math.floor(i / 24), i % 24];
      return weights
        .slice(column * 40, column * 40 + 40)
        .reduce((sum, weight, k) => sum + weight * (x.data[row * 40 + k] ?? NaN), 0);
    });
    expect(largestDifference(expected, y?.data ?? [])).toBeLessThan(1e-5);
  });

  it("gives the same file from shards, and under a budget that cuts tensors", async () => {
    const recipe: QuantizeRecipe = { format: "int8", skip: false };
    const run = async (opened: Awaited<ReturnType<typeof openModel>>, memoryBudget?: number) => {
      const backend = new CpuBackend(kernelReferences, memoryBudget === undefined ? {} : { memoryBudget });
      const output = toMemory();
      await runCompression(planCompression(opened, backend.profile, recipe), backend, { output });
      return output.bytes();
    };
    const big = tensor("big.weight", "F32", [300, 400]);
    const whole = await run(await openModel(fromBytes("m.safetensors", await write([...model, big]))));
    const shards = { "1.safetensors": await write(model), "2.safetensors": await write([big]) };
    const map = Object.fromEntries([
      ...model.map(({ name }) => [name, "1.safetensors"] as const),
      ["big.weight", "2.safetensors"] as const,
    ]);
    const index = fromBytes("m.index.json", new TextEncoder().encode(JSON.stringify({ weight_map: map })), {
      siblings: shards,
    });
    expect(await run(await openModel(index), 2 ** 21)).toEqual(whole);
  });

  it("refuses formats that need a graph, and files without weights", async () => {
    await expect(quantize({ format: "dynamic-int8" })).rejects.toThrow(UsageError);
    const opened = await openModel(fromBytes("m.safetensors", await write(model.slice(3))));
    expect(() => planCompression(opened, portableProfile, { format: "int8" })).toThrow("No tensor of m.safetensors");
  });
});
