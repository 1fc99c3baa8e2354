// The lower door: kernels on a caller's own buffers and encoder give the references' bytes, with one submit that
// is the caller's, and a caller's shader decodes them with our snippets.
import { describe, expect, it } from "vitest";
import { UnsupportedError, UsageError } from "../../src/base/errors.ts";
import { bufferUsage, mapMode } from "../../src/device/flags.ts";
import type { GpuContext } from "../../src/device/context.ts";
import { affineEncoding, decodeStepsOf, encodeStepsOf, rowBlocks } from "../../src/doors/encodings.ts";
import { createInt3Quantizer } from "../../src/doors/int3-quantizer.ts";
import { createBlockMatmul } from "../../src/doors/matmul.ts";
import { createPackedMatmul } from "../../src/doors/packed-matmul.ts";
import { createTableMatmul } from "../../src/doors/table-matmul.ts";
import type { TableFormatName } from "../../src/kernels/matmul/table.ts";
import {
  createDequantizer,
  createQuantizer,
  type PackedBuffers,
  type PartSizes,
  type QuantizerOptions,
} from "../../src/doors/quantizer.ts";
import { decodeSnippet, snippetNames, type SnippetName } from "../../src/doors/snippets.ts";
import { elementsOf } from "../../src/kernels/quantize/geometry.ts";
import { getCode } from "../../src/kernels/quantize/shape.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { blockOperatorEncoding, resolveFormat } from "../../src/methods/quantize/formats.ts";
import { bytesOf, weights } from "../support/float-data.ts";
import { testDevice } from "../support/gpu.ts";
import { bufferOf, memoryOf, runByReference } from "../support/run-steps.ts";

const device = testDevice();
const blocks32 = rowBlocks(12, 96, 32);

const cases: Readonly<Record<string, QuantizerOptions>> = {
  "int4 in rows": { encoding: affineEncoding("int4"), geometry: blocks32, layout: "rows" },
  "uint4 in rows, ragged": { encoding: affineEncoding("uint4"), geometry: rowBlocks(7, 83, 32), layout: "rows" },
  "MatMulNBits int4, mse": {
    encoding: blockOperatorEncoding(resolveFormat("int4")),
    geometry: rowBlocks(9, 128, 32),
    layout: "rows",
    search: { kind: "mse" },
  },
  "int8 per channel": {
    encoding: affineEncoding("int8"),
    geometry: { kind: "wide", outer: 1, channels: 5, inner: 700 },
  },
  "uint8 per tensor, f16 scale": {
    encoding: affineEncoding("uint8"),
    geometry: { kind: "wide", outer: 1, channels: 1, inner: 5000 },
    scaleType: "f16",
  },
  "uint2 in blocks of 16": { encoding: affineEncoding("uint2"), geometry: rowBlocks(5, 64, 16) },
  "int4, hqq with importance": {
    encoding: affineEncoding("int4"),
    geometry: blocks32,
    layout: "rows",
    search: { kind: "hqq" },
    importance: true,
  },
  nf4: { encoding: { kind: "table", table: "nf4" }, geometry: rowBlocks(1, 1000, 64) },
  "nf4, doubly quantized": {
    encoding: { kind: "table", table: "nf4", doubleQuantized: true },
    geometry: rowBlocks(1, 64 * 300, 64),
  },
  e4m3: { encoding: { kind: "float8", element: "e4m3fn" }, geometry: blocks32 },
  mxfp4: { encoding: { kind: "mx", element: "e2m1", scaleRule: "floor" }, geometry: blocks32 },
  nvfp4: { encoding: { kind: "nvfp4" }, geometry: rowBlocks(6, 64, 16) },
  ternary: { encoding: { kind: "ternary", rule: "twn" }, geometry: blocks32 },
  binary: { encoding: { kind: "binary" }, geometry: blocks32 },
  bf16: { encoding: { kind: "cast", to: "bf16" }, geometry: blocks32 },
};

const roles = (sizes: PartSizes): Readonly<Record<string, number>> => {
  const { codes, scales, zeroPoints, extra } = sizes;
  return { codes, ...(scales ? { scales } : {}), ...(zeroPoints ? { zeroPoints } : {}), ...extra };
};

/** A caller's own buffers; ranges behind 256 bytes that must stay untouched. */
class Buffers {
  readonly #gpu: GpuContext;
  readonly #owned: GPUBuffer[] = [];

  constructor(gpu: GpuContext) {
    this.#gpu = gpu;
  }

  make(content: Uint8Array | number): GPUBufferBinding {
    const size = typeof content === "number" ? content : content.length;
    const usage = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyTarget;
    const buffer = this.#gpu.device.createBuffer({ size: size + 256, usage });
    if (typeof content !== "number") this.#gpu.device.queue.writeBuffer(buffer, 256, content.slice());
    this.#owned.push(buffer);
    return { buffer, offset: 256, size };
  }

  /** Encodes, submits once, and reads the ranges back. */
  async submit(encode: (encoder: GPUCommandEncoder) => void, read: readonly GPUBufferBinding[]): Promise<Uint8Array[]> {
    const { device: gpuDevice } = this.#gpu;
    const targets = await this.#gpu.scope("test", () => {
      const encoder = gpuDevice.createCommandEncoder();
      encode(encoder);
      const staged = read.map(({ buffer, offset = 0, size = 0 }) => {
        const usage = bufferUsage.copyTarget | bufferUsage.mapRead;
        const staging = gpuDevice.createBuffer({ size, usage });
        this.#owned.push(staging);
        encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
        return staging;
      });
      gpuDevice.queue.submit([encoder.finish()]);
      return staged;
    });
    return Promise.all(
      targets.map(async (staging) => {
        await this.#gpu.guard(staging.mapAsync(mapMode.read));
        return new Uint8Array(staging.getMappedRange().slice(0));
      }),
    );
  }

  destroy(): void {
    for (const buffer of this.#owned) buffer.destroy();
  }
}

/** The entries of those names. */
function pick<T>(of: Readonly<Record<string, T>>, names: readonly string[]): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(of).filter(([name]) => names.includes(name)));
}

interface Expected {
  readonly parts: Readonly<Record<string, Uint8Array>>;
  readonly decoded: Uint8Array;
}

/** Parts and decoded values by the plain references. */
function byReference(gpu: GpuContext, options: QuantizerOptions, contents: Record<string, Uint8Array>): Expected {
  const { importance, ...rest } = options;
  const request = {
    layout: "natural" as const,
    search: { kind: "absmax" as const },
    scaleType: "f32" as const,
    source: "source",
    prefix: "",
    ...rest,
    ...(importance ? { importance: "importance" } : {}),
  };
  const encoded = encodeStepsOf(gpu.profile, request);
  const decode = { uploads: [], ...decodeStepsOf(gpu.profile, request, encoded, "decoded") };
  const memory = memoryOf([encoded, decode], contents);
  runByReference([encoded, decode], memory, kernelReferences);
  const { codes, scales, zeroPoints, extra } = encoded;
  const named = { codes, ...(scales ? { scales } : {}), ...(zeroPoints ? { zeroPoints } : {}), ...extra };
  const parts = Object.fromEntries(Object.entries(named).map(([role, { buffer }]) => [role, bufferOf(memory, buffer)]));
  return { parts, decoded: bufferOf(memory, "decoded") };
}

describe("createQuantizer and createDequantizer", () => {
  it.each(Object.entries(cases))("%s: the references' bytes in the caller's buffers", async (_name, options) => {
    const gpu = await device();
    const count = elementsOf(options.geometry);
    const source = bytesOf(weights(count));
    const importance = bytesOf(weights(96, 3, 0.2).map(Math.abs));
    const contents = { source, ...(options.importance ? { importance } : {}) };
    const expected = byReference(gpu, options, contents);
    // A bare device, as an app has it.
    const quantizer = await createQuantizer(gpu.device, options);
    const dequantizer = await createDequantizer(gpu.device, options);
    const own = new Buffers(gpu);
    try {
      const sizes = roles(quantizer.sizes);
      const parts = Object.fromEntries(Object.entries(sizes).map(([role, bytes]) => [role, own.make(bytes)]));
      const { codes, ...others } = parts;
      if (!codes) throw new Error("no codes");
      const packed: PackedBuffers = { codes, ...pick(others, ["scales", "zeroPoints"]), extra: others };
      const target = own.make(dequantizer.sizes.source);
      const input = {
        ...packed,
        source: own.make(source),
        ...(options.importance ? { importance: own.make(importance) } : {}),
      };
      const [decoded, ...got] = await own.submit(
        (encoder) => {
          quantizer.encode(encoder, input);
          dequantizer.encode(encoder, { ...packed, target });
        },
        [target, ...Object.values(parts)],
      );
      expect(Object.keys(sizes)).toContain("codes");
      for (const [index, role] of Object.keys(parts).entries()) {
        expect(Buffer.compare(got[index] ?? Buffer.alloc(0), expected.parts[role] ?? Buffer.alloc(1)), role).toBe(0);
      }
      expect(Buffer.compare(decoded ?? Buffer.alloc(0), expected.decoded), "decoded").toBe(0);
    } finally {
      quantizer.dispose();
      dequantizer.dispose();
      own.destroy();
    }
  });

  it("encodes into an open pass of the caller's, again and again, on changing buffers", async () => {
    const gpu = await device();
    const options: QuantizerOptions = { encoding: affineEncoding("int8"), geometry: blocks32 };
    const quantizer = await createQuantizer(gpu, options);
    const own = new Buffers(gpu);
    try {
      const sets = [1, 2, 3].map((seed) => {
        const source = bytesOf(weights(elementsOf(blocks32), seed));
        return {
          expected: byReference(gpu, options, { source }).parts,
          buffers: {
            source: own.make(source),
            codes: own.make(quantizer.sizes.codes),
            scales: own.make(quantizer.sizes.scales ?? 0),
          },
        };
      });
      const got = await own.submit(
        (encoder) => {
          const pass = encoder.beginComputePass();
          for (const { buffers } of [...sets, ...sets]) quantizer.encode(pass, buffers);
          pass.end();
        },
        sets.map(({ buffers }) => buffers.codes),
      );
      expect(got).toEqual(sets.map(({ expected }) => expected["codes"]));
    } finally {
      quantizer.dispose();
      own.destroy();
    }
  });

  it("names the buffer that is missing or too small, and refuses after dispose", async () => {
    const gpu = await device();
    const quantizer = await createQuantizer(gpu, { encoding: affineEncoding("uint4"), geometry: blocks32 });
    const own = new Buffers(gpu);
    const { codes, source, scales = 0 } = quantizer.sizes;
    const encoder = gpu.device.createCommandEncoder();
    const good = { source: own.make(source), codes: own.make(codes), scales: own.make(scales) };
    expect(() => quantizer.encode(encoder, good)).toThrow(/"zeroPoints" is missing/);
    const small = { ...good, zeroPoints: own.make(4) };
    expect(() => quantizer.encode(encoder, small)).toThrow(/"zeroPoints" holds 4 bytes and needs/);
    quantizer.dispose();
    quantizer.dispose();
    expect(() => quantizer.encode(encoder, good)).toThrow(UsageError);
    own.destroy();
    expect(gpu.isLost).toBe(false);
    await expect(createQuantizer(gpu, { encoding: { kind: "nvfp4" }, geometry: rowBlocks(1, 64, 32) })).rejects.toThrow(
      UnsupportedError,
    );
  });
});

describe("createBlockMatmul", () => {
  it.each(["int8", "int4", "uint4", "int2"] as const)(
    "multiplies with weights quantized to %s just before",
    async (name) => {
      const gpu = await device();
      const [rows, cols, blockSize, batch] = [40, 83, 32, 6];
      const encoding = affineEncoding(name);
      const options: QuantizerOptions = { encoding, geometry: rowBlocks(rows, cols, blockSize), layout: "rows" };
      const source = bytesOf(weights(rows * cols));
      const input = weights(batch * cols, 9, 1);
      const weight = new Float32Array(byReference(gpu, options, { source }).decoded.buffer);
      const quantizer = await createQuantizer(gpu, options);
      const matmul = await createBlockMatmul(gpu, { encoding, rows, cols, blockSize, batch });
      const own = new Buffers(gpu);
      try {
        const { codes, scales = 0, zeroPoints } = quantizer.sizes;
        expect(matmul.sizes).toMatchObject({ codes, scales, x: batch * cols * 4, y: batch * rows * 4 });
        const packed = {
          codes: own.make(codes),
          scales: own.make(scales),
          ...(zeroPoints ? { zeroPoints: own.make(zeroPoints) } : {}),
        };
        const [x, y] = [own.make(bytesOf(input)), own.make(matmul.sizes.y)];
        const [got] = await own.submit(
          (encoder) => {
            quantizer.encode(encoder, { source: own.make(source), ...packed });
            matmul.encode(encoder, { ...packed, x, y });
          },
          [y],
        );
        const values = new Float32Array(got?.buffer ?? new ArrayBuffer(0));
        expect(values).toHaveLength(batch * rows);
        for (const [index, value] of values.entries()) {
          const [m, row] = [Math.floor(index / rows), index % rows];
          let want = 0;
          for (let k = 0; k < cols; k++) want += (weight[row * cols + k] ?? 0) * (input[m * cols + k] ?? 0);
          expect(Math.abs(value - want), `y[${m}, ${row}]`).toBeLessThanOrEqual(2e-5 * Math.max(1, Math.abs(want)));
        }
      } finally {
        quantizer.dispose();
        matmul.dispose();
        own.destroy();
      }
    },
  );
});

interface TableCase {
  readonly options: QuantizerOptions;
  readonly blockSize: number;
  readonly layout?: "flat";
}

const tableRows = 40;
const tableCols = 96;
const channels = { kind: "wide", outer: 1, channels: tableRows, inner: tableCols } as const;

const tableCases: Readonly<Partial<Record<TableFormatName, TableCase>>> = {
  nf4: {
    options: { encoding: { kind: "table", table: "nf4" }, geometry: rowBlocks(1, tableRows * tableCols, 64) },
    blockSize: 64,
    layout: "flat",
  },
  fp4: {
    options: { encoding: { kind: "table", table: "fp4" }, geometry: rowBlocks(1, tableRows * tableCols, 32) },
    blockSize: 32,
  },
  mxfp4: {
    options: {
      encoding: { kind: "mx", element: "e2m1", scaleRule: "floor" },
      geometry: rowBlocks(tableRows, tableCols, 32),
    },
    blockSize: 32,
  },
  nvfp4: { options: { encoding: { kind: "nvfp4" }, geometry: rowBlocks(tableRows, tableCols, 16) }, blockSize: 16 },
  ternary: {
    options: { encoding: { kind: "ternary", rule: "twn" }, geometry: channels },
    blockSize: tableCols,
  },
  sign: { options: { encoding: { kind: "binary" }, geometry: channels }, blockSize: tableCols },
};

/** activation(x W^T + bias) in doubles is within rounding of what the device gave. */
function expectProduct(
  got: Uint8Array | undefined,
  weight: Float32Array,
  input: Float32Array,
  bias: Float32Array,
  cols: number,
): void {
  const values = new Float32Array(got?.buffer ?? new ArrayBuffer(0));
  const rows = bias.length;
  expect(values).toHaveLength((input.length / cols) * rows);
  for (const [index, value] of values.entries()) {
    const [m, row] = [Math.floor(index / rows), index % rows];
    let want = bias[row] ?? 0;
    for (let k = 0; k < cols; k++) want += (weight[row * cols + k] ?? 0) * (input[m * cols + k] ?? 0);
    want = Math.max(0, want);
    expect(Math.abs(value - want), `y[${m}, ${row}]`).toBeLessThanOrEqual(2e-5 * Math.max(1, Math.abs(want)));
  }
}

describe("createTableMatmul", () => {
  it.each(Object.entries(tableCases))("multiplies with weights quantized to %s just before", async (name, each) => {
    const gpu = await device();
    const format = Object.keys(tableCases).find((key): key is TableFormatName => key === name) ?? "nf4";
    const batch = 6;
    const source = bytesOf(weights(tableRows * tableCols));
    const [input, bias] = [weights(batch * tableCols, 9, 1), weights(tableRows, 8, 1)];
    const decoded = new Float32Array(byReference(gpu, each.options, { source }).decoded.buffer);
    const quantizer = await createQuantizer(gpu, each.options);
    const matmul = await createTableMatmul(gpu, {
      format,
      rows: tableRows,
      cols: tableCols,
      batch,
      blockSize: each.blockSize,
      ...(each.layout ? { layout: each.layout } : {}),
      bias: true,
      activation: { kind: "relu" },
    });
    const own = new Buffers(gpu);
    try {
      const packed = Object.fromEntries(
        Object.entries(roles(quantizer.sizes)).map(([role, bytes]) => [role, own.make(bytes)]),
      );
      const { codes = own.make(4), scales = own.make(4), globalScale } = packed;
      expect(matmul.sizes.codes).toBe(codes.size);
      expect(matmul.sizes.scales).toBe(scales.size);
      const [x, b, y] = [own.make(bytesOf(input)), own.make(bytesOf(bias)), own.make(matmul.sizes.y)];
      const [got] = await own.submit(
        (encoder) => {
          quantizer.encode(encoder, {
            source: own.make(source),
            codes,
            scales,
            ...(globalScale ? { extra: { globalScale } } : {}),
          });
          matmul.encode(encoder, { codes, scales, x, bias: b, y, ...(globalScale ? { globalScale } : {}) });
        },
        [y],
      );
      expectProduct(got, decoded, input, bias, tableCols);
    } finally {
      quantizer.dispose();
      matmul.dispose();
      own.destroy();
    }
  });
});

describe("createPackedMatmul", () => {
  const encodings = { int8: affineEncoding("int8"), sign: { kind: "binary" } } as const;

  it.each(["int8", "sign"] as const)("quantizes its inputs to %s on the way", async (element) => {
    const gpu = await device();
    const [rows, cols, batch] = [19, 64, 5];
    const [source, input, bias] = [weights(rows * cols), weights(batch * cols, 9, 1), weights(rows, 8, 1)];
    const encoding = encodings[element];
    const options = { encoding, geometry: { kind: "wide", outer: 1, channels: rows, inner: cols } } as const;
    const inputs = { encoding, geometry: { ...options.geometry, channels: batch } };
    const decode = (of: QuantizerOptions, values: Float32Array): Float32Array =>
      new Float32Array(byReference(gpu, of, { source: bytesOf(values) }).decoded.buffer);
    const quantizer = await createQuantizer(gpu, options);
    const matmul = await createPackedMatmul(gpu, {
      element,
      rows,
      cols,
      batch,
      bias: true,
      activation: { kind: "relu" },
    });
    const own = new Buffers(gpu);
    try {
      expect(matmul.sizes).toMatchObject({ codes: quantizer.sizes.codes, scales: quantizer.sizes.scales });
      const packed = { codes: own.make(matmul.sizes.codes), scales: own.make(matmul.sizes.scales) };
      const [x, b, y] = [own.make(bytesOf(input)), own.make(bytesOf(bias)), own.make(matmul.sizes.y)];
      const [got] = await own.submit(
        (encoder) => {
          quantizer.encode(encoder, { source: own.make(bytesOf(source)), ...packed });
          matmul.encode(encoder, { ...packed, x, bias: b, y });
        },
        [y],
      );
      expectProduct(got, decode(options, source), decode(inputs, input), bias, cols);
    } finally {
      quantizer.dispose();
      matmul.dispose();
      own.destroy();
    }
  });

  it("refuses rows that do not fill whole words", async () => {
    const gpu = await device();
    await expect(createPackedMatmul(gpu, { element: "sign", rows: 4, cols: 40, batch: 1 })).rejects.toThrow(
      UnsupportedError,
    );
  });
});

describe("createInt3Quantizer", () => {
  it("packs weights that createTableMatmul multiplies with", async () => {
    const gpu = await device();
    const [rows, cols, blockSize, batch] = [19, 83, 32, 5];
    const [source, input, bias] = [weights(rows * cols), weights(batch * cols, 9, 1), weights(rows, 8, 1)];
    const quantizer = await createInt3Quantizer(gpu, { rows, cols, blockSize });
    const matmul = await createTableMatmul(gpu, {
      format: "int3",
      rows,
      cols,
      blockSize,
      batch,
      bias: true,
      activation: { kind: "relu" },
    });
    const own = new Buffers(gpu);
    try {
      expect(matmul.sizes).toMatchObject({ codes: quantizer.sizes.codes, scales: quantizer.sizes.scales });
      const packed = { codes: own.make(matmul.sizes.codes), scales: own.make(matmul.sizes.scales) };
      const [x, b, y] = [own.make(bytesOf(input)), own.make(bytesOf(bias)), own.make(matmul.sizes.y)];
      const [got, codes, scales] = await own.submit(
        (encoder) => {
          quantizer.encode(encoder, { source: own.make(bytesOf(source)), ...packed });
          matmul.encode(encoder, { ...packed, x, bias: b, y });
        },
        [y, packed.codes, packed.scales],
      );
      const steps = new Float32Array(scales?.buffer ?? new ArrayBuffer(0));
      const line = Math.ceil(cols / blockSize) * blockSize;
      const decoded = Float32Array.from({ length: rows * cols }, (_, i) => {
        const place = Math.floor(i / cols) * line + (i % cols);
        return (getCode(codes ?? new Uint8Array(0), place, 3) - 4) * (steps[Math.floor(place / blockSize)] ?? 0);
      });
      // Half a step, or a whole one at the end that the codes do not reach.
      for (const [i, value] of decoded.entries()) {
        const place = Math.floor(i / cols) * line + (i % cols);
        const step = Math.abs(steps[Math.floor(place / blockSize)] ?? 0);
        expect(Math.abs(value - (source[i] ?? 0))).toBeLessThanOrEqual(step * 1.0001);
      }
      expectProduct(got, decoded, input, bias, cols);
    } finally {
      quantizer.dispose();
      matmul.dispose();
      own.destroy();
    }
  });
});

const snippetCases: Readonly<
  Record<SnippetName, { readonly encoding: QuantizerOptions["encoding"]; readonly call: string }>
> = {
  int8: { encoding: affineEncoding("int8"), call: "int8_decode(word, i, scale)" },
  uint8: { encoding: affineEncoding("uint8"), call: "uint8_decode(word, i, zero_point, scale)" },
  int4: { encoding: affineEncoding("int4"), call: "int4_decode(word, i, scale)" },
  uint4: { encoding: affineEncoding("uint4"), call: "uint4_decode(word, i, zero_point, scale)" },
  int2: { encoding: affineEncoding("int2"), call: "int2_decode(word, i, scale)" },
  uint2: { encoding: affineEncoding("uint2"), call: "uint2_decode(word, i, zero_point, scale)" },
  nf4: { encoding: { kind: "table", table: "nf4" }, call: "nf4_decode(word, i, scale)" },
  fp4: { encoding: { kind: "table", table: "fp4" }, call: "fp4_decode(word, i, scale)" },
  ternary: { encoding: { kind: "ternary", rule: "absmean" }, call: "ternary_decode(word, i, scale)" },
  binary: { encoding: { kind: "binary" }, call: "binary_decode(word, i, scale)" },
  e4m3: { encoding: { kind: "float8", element: "e4m3fn" }, call: "e4m3_decode(word, i, scale)" },
  e5m2: { encoding: { kind: "float8", element: "e5m2" }, call: "e5m2_decode(word, i, scale)" },
  f16: { encoding: { kind: "cast", to: "f16" }, call: "f16_decode(word, i)" },
};

/** Values, zeros without a sign. */
const plain = (bytes: Uint8Array): number[] => [...new Float32Array(bytes.slice().buffer)].map((value) => value + 0);

describe("decodeSnippet", () => {
  const count = 64 * 12;
  const geometry = rowBlocks(1, count, 64);

  async function decodeWithSnippets(
    gpu: GpuContext,
    code: string,
    { codes, scales, zeroPoints }: Readonly<Record<string, Uint8Array>>,
  ): Promise<Uint8Array> {
    const own = new Buffers(gpu);
    const buffers = [codes, scales ?? new Uint8Array(4), zeroPoints ?? new Uint8Array(4)].map((bytes) =>
      own.make(bytes ?? new Uint8Array(4)),
    );
    const target = own.make(count * 4);
    try {
      const pipeline = await gpu.device.createComputePipelineAsync({
        layout: "auto",
        compute: { module: gpu.device.createShaderModule({ code }) },
      });
      const [decoded] = await own.submit(
        (encoder) => {
          const pass = encoder.beginComputePass();
          pass.setPipeline(pipeline);
          const entries = [...buffers, target].map((resource, binding) => ({ binding, resource }));
          pass.setBindGroup(0, gpu.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
          pass.dispatchWorkgroups(count / 64);
          pass.end();
        },
        [target],
      );
      return decoded ?? new Uint8Array();
    } finally {
      own.destroy();
    }
  }

  const bindings = `
    @group(0) @binding(0) var<storage, read> codes: array<u32>;
    @group(0) @binding(1) var<storage, read> scales: array<f32>;
    @group(0) @binding(2) var<storage, read> zero_points: array<u32>;
    @group(0) @binding(3) var<storage, read_write> decoded: array<f32>;
    @compute @workgroup_size(64) fn caller(@builtin(global_invocation_id) id: vec3u) {
      let scale = scales[min(id.x / 64u, arrayLength(&scales) - 1u)];`;

  it.each(snippetNames)("%s decodes what the quantizer packs, in a shader of the caller's", async (name) => {
    const gpu = await device();
    const { encoding, call } = snippetCases[name];
    const bits = { affine: "bits" in encoding ? encoding.bits : 0, cast: 16, ternary: 2, binary: 1, float8: 8 };
    const width = encoding.kind in bits ? bits[encoding.kind as keyof typeof bits] : 4;
    const { parts, decoded } = byReference(gpu, { encoding, geometry }, { source: bytesOf(weights(count)) });
    const zero = `let group_bit = id.x / 64u * ${width}u;
      let zero_point = i32(extractBits(zero_points[group_bit >> 5u], group_bit & 31u, ${Math.min(width, 8)}u));`;
    const got = await decodeWithSnippets(
      gpu,
      `${decodeSnippet(name)} ${bindings} ${zero}
      let i = id.x; let word = codes[i * ${width}u / 32u];
      decoded[i] = ${call} + f32(zero_point) * 0.0; }`,
      parts,
    );
    expect(plain(got)).toEqual(plain(decoded));
  });

  it("decodes four at a time, with all snippets in one shader", async () => {
    const gpu = await device();
    const all = snippetNames.map(decodeSnippet).join("\n");
    for (const name of ["int8", "int4", "int2"] as const) {
      const { encoding } = snippetCases[name];
      const width = "bits" in encoding ? encoding.bits : 0;
      const { parts, decoded } = byReference(gpu, { encoding, geometry }, { source: bytesOf(weights(count)) });
      const got = await decodeWithSnippets(
        gpu,
        `${all} ${bindings}
        let word = codes[id.x * ${width}u / 32u] + zero_points[0] * 0u;
        let quad = id.x % ${32 / width}u / 4u;
        decoded[id.x] = ${name}_decode4(word, quad, scale)[id.x % 4u]; }`,
        parts,
      );
      expect([...new Float32Array(got.slice().buffer)], name).toEqual([...new Float32Array(decoded.slice().buffer)]);
    }
  });
});
