// Damaged files through the whole way, opening to proof: every one gives an output that was proven, or a typed error
// that is not of our own making. Nothing is read beyond a file's end.
import { describe, expect, it } from "vitest";
import type { ByteSource } from "../../src/base/bytes.ts";
import { WgslimError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { openModel } from "../../src/compress/open-model.ts";
import { planCompression, type QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import { runCompression } from "../../src/compress/run-compression.ts";
import { OnnxType } from "../../src/formats/onnx/ir.ts";
import { layoutOnnx } from "../../src/formats/onnx/layout.ts";
import { writeLayout } from "../../src/formats/onnx/write.ts";
import { layoutSafetensors } from "../../src/formats/safetensors/layout.ts";
import { fromBytes, toMemory } from "../../src/formats/sources/memory.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { halfTensor, op, randomTensor, smallGraph, smallModel } from "../support/onnx-models.ts";

const branch = (name: string) => ({
  type: "graph" as const,
  value: smallGraph({
    nodes: [op("MatMul", ["g", `${name}_w`], [name])],
    inputs: [],
    outputs: [[name, undefined]],
    initializers: [randomTensor(`${name}_w`, [24, 16])],
  }),
});

const model = smallModel({
  opset: 13,
  nodes: [
    op("Gather", ["table", "i"], ["e"]),
    op("Gemm", ["e", "w", "b"], ["g"], { transB: 1n, alpha: 0.5 }),
    op("If", ["c"], ["r"], { then_branch: branch("t"), else_branch: branch("e2") }),
    op("Cast", ["r"], ["h"], { to: 10n }),
    op("MatMul", ["h", "v"], ["y"]),
  ],
  inputs: [
    ["i", ["n"], OnnxType.INT64],
    ["c", [], OnnxType.BOOL],
  ],
  outputs: [["y", undefined, OnnxType.FLOAT16]],
  initializers: [
    randomTensor("table", [20, 32]),
    randomTensor("w", [24, 32]),
    randomTensor("b", [24]),
    halfTensor("v", [16, 16], seededRandom(1, "v").normals(256)),
  ],
});

interface Files {
  readonly main: Uint8Array;
  readonly siblings: Readonly<Record<string, Uint8Array>>;
}

async function written(layout: Parameters<typeof writeLayout>[0]): Promise<Files> {
  const sink = toMemory("m");
  await writeLayout(layout, sink);
  await sink.commit();
  return { main: sink.bytes(), siblings: Object.fromEntries(sink.siblings()) };
}

const tensors = [
  { name: "a", dtype: "F32", shape: [24, 40] },
  { name: "b", dtype: "BF16", shape: [3, 50] },
  { name: "c", dtype: "I8", shape: [7] },
] as const;

const bytesFor = (count: number): Uint8Array => new Uint8Array(seededRandom(2, "bytes").normals(count).buffer);

const files: Readonly<Record<string, () => Promise<Files>>> = {
  "an ONNX file": () => written(layoutOnnx(model)),
  "an ONNX file with external data": () =>
    written(layoutOnnx(model, { externalData: { fileName: "m_data", thresholdBytes: 64 } })),
  "a safetensors file": () =>
    written(
      layoutSafetensors({
        tensors: tensors.map(({ name, dtype, shape }, i) => ({
          name,
          dtype,
          shape,
          data: { kind: "bytes" as const, bytes: bytesFor(960).subarray(0, [3840, 300, 7][i]) },
        })),
        metadata: [["format", "pt"]],
      }),
    ),
};

/** Complains of reads past the end. */
function watched(name: string, bytes: Uint8Array, siblings: Files["siblings"]): ByteSource {
  const inner = fromBytes(name, bytes, { siblings });
  return {
    ...inner,
    read(offset, length, signal) {
      if (offset + length > bytes.length) throw new Error(`asked for ${length} bytes at ${offset}`);
      return inner.read(offset, length, signal);
    },
  };
}

async function quantize(source: ByteSource, format: QuantizeRecipe["format"]): Promise<void> {
  const backend = new CpuBackend(kernelReferences);
  const plan = planCompression(await openModel(source), backend.profile, { format, skip: false });
  const output = toMemory("out");
  await runCompression(plan, backend, { output });
  expect(output.bytes()).toHaveLength(plan.output.bytes);
}

const formats = ["int8", "int4", "nf4", "fp16", "q4f16", "dynamic-int8", "int2"] as const;
const claims = [2n ** 31n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 0n];

describe("damaged files", () => {
  it.each(Object.keys(files))("%s", async (kind) => {
    const { main, siblings } = (await files[kind]?.()) ?? { main: new Uint8Array(0), siblings: {} };
    const random = seededRandom(17, kind);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 200; round++) {
      let bytes = main.slice();
      const at = (): number => random.int(0, bytes.length);
      const way = round % 5;
      if (way === 0) bytes = bytes.subarray(0, random.int(1, bytes.length));
      else if (way === 1) for (let i = random.int(1, 6); i > 0; i--) bytes[at()] = random.int(0, 256);
      else if (way === 2) bytes.copyWithin(at(), at(), at());
      else if (way === 3) {
        const [place, claim = 0n] = [at(), claims[random.int(0, claims.length)]];
        for (let i = 0n; i < 10n && Number(i) + place < bytes.length; i++) {
          bytes[place + Number(i)] = Number((claim >> (7n * i)) & 127n) | 128;
        }
      } else bytes[Math.min(at(), 400)] = random.int(0, 256);
      const cut = Object.entries(siblings).map(([name, data]) => [
        name,
        round % 7 === 0 ? data.subarray(0, 900) : data,
      ]);
      const error: unknown = await quantize(
        watched("m", bytes, Object.fromEntries(cut)),
        formats[round % formats.length] ?? "int8",
      ).catch((caught: unknown) => caught);
      if (error !== undefined && !(error instanceof WgslimError)) throw new Error(`round ${round}`, { cause: error });
      const outcome = error instanceof WgslimError ? error.code : "written";
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect(outcomes.get("INTERNAL")).toBeUndefined();
    expect(outcomes.get("FORMAT")).toBeGreaterThan(30);
    expect(outcomes.get("written")).toBeGreaterThan(10);
  });
});
