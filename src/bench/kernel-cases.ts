// The kernels to measure, as the steps that real encodings are made of: each step of a case is timed alone,
// on the buffers that the steps before it have left. Shapes are those of a large weight.
import type { DeviceProfile } from "../base/profile.ts";
import type { Geometry } from "../kernels/quantize/geometry.ts";
import { elementsOf } from "../kernels/quantize/geometry.ts";
import { blockMatmulCall } from "../kernels/matmul/block.ts";
import { packedDotCall } from "../kernels/matmul/packed-dot.ts";
import { tableMatmulCall, type TableFormatName } from "../kernels/matmul/table.ts";
import { affineDecodeCall, affineDecodeSpec } from "../kernels/quantize/affine-decode.ts";
import { int3BlockCall } from "../kernels/quantize/int3-block.ts";
import { histogramBytes, histogramCall, histogramEdges, histogramSpec } from "../kernels/stats/histogram.ts";
import { tensorRangeBytes, tensorRangeCall, tensorRangeSpec } from "../kernels/stats/tensor-range.ts";
import { affineEncodeSteps, affineErrorSteps } from "../methods/quantize/affine-steps.ts";
import { castEncodeSteps, castErrorSteps } from "../methods/quantize/cast-steps.ts";
import type {
  AffineEncoding,
  EncodeRequest,
  EncodeSteps,
  Encoding,
  ScaleSearch,
} from "../methods/quantize/encoding.ts";
import {
  float8DecodeSteps,
  float8EncodeSteps,
  mxDecodeSteps,
  mxEncodeSteps,
  nvfp4DecodeSteps,
  nvfp4EncodeSteps,
} from "../methods/quantize/float-steps.ts";
import { joined, type StepsPiece } from "../methods/quantize/group-steps.ts";
import { floatWords, kernelStep } from "../methods/quantize/kernel-step.ts";
import {
  binaryDecodeSteps,
  binaryEncodeSteps,
  ternaryDecodeSteps,
  ternaryEncodeSteps,
} from "../methods/quantize/low-bit-steps.ts";
import { tableEncodeSteps, tableErrorSteps } from "../methods/quantize/table-steps.ts";
import { transposeSteps } from "../methods/quantize/transpose-steps.ts";

/** Steps over a buffer "source" of `elements` f32. */
export interface KernelCase {
  readonly name: string;
  readonly elements: number;
  readonly piece: StepsPiece;
}

const rows = 4096;
const cols = 2048;
const count = rows * cols;

/** [N, K] with K contiguous; [K, N] as ONNX's MatMul has it; per output channel, in either order. */
const shapes = {
  "K contiguous": { geometry: { kind: "blocked", outer: rows, dim: cols, inner: 1, blockSize: 32 }, layout: "rows" },
  "[K,N]": { geometry: { kind: "blocked", outer: 1, dim: cols, inner: rows, blockSize: 32 }, layout: "rows" },
  channel: { geometry: { kind: "wide", outer: 1, channels: rows, inner: cols }, layout: "natural" },
  column: { geometry: { kind: "wide", outer: cols, channels: rows, inner: 1 }, layout: "natural" },
} as const satisfies Record<string, Pick<EncodeRequest, "geometry" | "layout">>;

/** Formats of matmul/table with their usual blocks. */
const tableBlocks: readonly (readonly [TableFormatName, number])[] = [
  ["nf4", 64],
  ["mxfp4", 32],
  ["nvfp4", 16],
  ["ternary", cols],
  ["sign", 64],
  ["int3", 32],
];

const int4: AffineEncoding = {
  kind: "affine",
  bits: 4,
  signed: false,
  scheme: "symmetric-full",
  rounding: "half-even",
};
const uint4: AffineEncoding = { ...int4, scheme: "asymmetric" };
const int8: AffineEncoding = { ...int4, bits: 8, signed: true, scheme: "symmetric" };
const int2: AffineEncoding = { ...int4, bits: 2 };

function requestOf(
  encoding: Encoding,
  shape: keyof typeof shapes,
  blockSize = 32,
  search: ScaleSearch["kind"] = "absmax",
): EncodeRequest {
  const { geometry, layout } = shapes[shape];
  const cut: Geometry = geometry.kind === "wide" ? geometry : { ...geometry, blockSize };
  const kind: ScaleSearch = search === "percentile" ? { kind: search, percentile: 99.9 } : { kind: search };
  return { encoding, geometry: cut, layout, search: kind, scaleType: "f32", source: "source", prefix: "" };
}

/** Every case, in the order of the table. */
export function kernelCases(profile: DeviceProfile): readonly KernelCase[] {
  const cases: KernelCase[] = [];
  const add = (name: string, ...pieces: readonly Partial<StepsPiece>[]): void =>
    void cases.push({ name, elements: count, piece: joined(...pieces) });
  const affine = (name: string, request: EncodeRequest): void => {
    const encoded = affineEncodeSteps(profile, request);
    const { buffers, steps } = affineErrorSteps(request, encoded);
    add(name, encoded, { buffers, steps }, ...affineDecode(profile, request, encoded));
  };
  affine("int4 b32 K contiguous", requestOf(int4, "K contiguous"));
  affine("int4 b32 [K,N]", requestOf(int4, "[K,N]"));
  affine("uint4 b32 K contiguous", requestOf(uint4, "K contiguous"));
  affine("int2 b16 K contiguous", requestOf(int2, "K contiguous", 16));
  affine("int8 b64 K contiguous", requestOf(int8, "K contiguous", 64));
  affine("int8 per channel", requestOf(int8, "channel"));
  affine("int8 per channel [K,N]", requestOf(int8, "column"));
  for (const search of ["mse", "hqq", "percentile"] as const) {
    affine(`int4 b32 ${search} K contiguous`, requestOf(int4, "K contiguous", 32, search));
    affine(`int4 b32 ${search} [K,N]`, requestOf(int4, "[K,N]", 32, search));
    affine(`uint4 b32 ${search} K contiguous`, requestOf(uint4, "K contiguous", 32, search));
    affine(`int8 per channel ${search}`, requestOf(int8, "channel", 32, search));
  }
  for (const table of ["nf4", "fp4"] as const) {
    const flat: Geometry = { kind: "blocked", outer: 1, dim: count, inner: 1, blockSize: 64 };
    const plain = requestOf({ kind: "table", table, doubleQuantized: table === "nf4" }, "K contiguous", 64);
    const request: EncodeRequest = { ...plain, geometry: flat, layout: "natural" };
    const encoded = tableEncodeSteps(profile, request);
    add(`${table} b64`, encoded, tableErrorSteps(profile, request, encoded));
  }
  const float = (
    name: string,
    request: EncodeRequest,
    encode: (profile: DeviceProfile, request: EncodeRequest) => EncodeSteps,
    decode: (
      profile: DeviceProfile,
      request: EncodeRequest,
      encoded: EncodeSteps,
      target: string,
    ) => Partial<StepsPiece>,
  ): void => {
    const encoded = encode(profile, request);
    add(name, encoded, decode(profile, request, encoded, "decoded"));
  };
  float(
    "fp8 e4m3 per channel",
    requestOf({ kind: "float8", element: "e4m3fn" }, "channel"),
    float8EncodeSteps,
    float8DecodeSteps,
  );
  for (const element of ["e2m1", "e3m2", "e4m3"] as const) {
    const request = requestOf({ kind: "mx", element, scaleRule: "floor" }, "K contiguous");
    float(`mx ${element}`, request, mxEncodeSteps, mxDecodeSteps);
  }
  float("nvfp4", requestOf({ kind: "nvfp4" }, "K contiguous", 16), nvfp4EncodeSteps, nvfp4DecodeSteps);
  float(
    "ternary twn per channel",
    requestOf({ kind: "ternary", rule: "twn" }, "channel"),
    ternaryEncodeSteps,
    ternaryDecodeSteps,
  );
  float("binary b64", requestOf({ kind: "binary" }, "K contiguous", 64), binaryEncodeSteps, binaryDecodeSteps);
  const half = requestOf({ kind: "cast", to: "f16" }, "K contiguous");
  const cast = castEncodeSteps(profile, half);
  add("fp16", cast, castErrorSteps(profile, half, cast));
  add("int3 b32", {
    buffers: { codes: (count * 3) / 8, scales: count / 8 },
    steps: [{ call: int3BlockCall({ rows, cols, blockSize: 32 }), bindings: ["source", "codes", "scales"] }],
  });
  for (const m of [1, 64]) {
    for (const [format, blockSize] of tableBlocks) {
      const call = tableMatmulCall(format, { m, n: rows, k: cols, blockSize }, profile);
      const buffers = { codes: count / 2, scales: count / 4, none: 4, x: m * cols * 4, y: m * rows * 4 };
      add(`${format} times ${m}`, {
        buffers,
        steps: [{ call, bindings: ["codes", "scales", "none", "none", "x", "none", "y"] }],
      });
    }
    for (const element of ["int8", "sign"] as const) {
      const call = packedDotCall(element, { m, n: rows, k: cols }, profile);
      const buffers = { a: m * cols, aScales: m * 4, w: count, wScales: rows * 4, none: 4, y: m * rows * 4 };
      add(`${element} rows times ${m}`, {
        buffers,
        steps: [{ call, bindings: ["a", "aScales", "w", "wScales", "none", "y"] }],
      });
    }
  }
  add("transpose", transposeSteps(profile, { rows, cols, source: "source", target: "turned" }));
  add("range", {
    buffers: { records: tensorRangeBytes(count) },
    steps: [kernelStep(profile, tensorRangeSpec, tensorRangeCall(count), ["source", "records"])],
  });
  const edges = histogramEdges(-0.1, 0.1, 64);
  add("histogram", {
    buffers: { edges: edges.byteLength, counts: histogramBytes(64) },
    uploads: [{ buffer: "edges", data: { kind: "inline", words: floatWords(edges) } }],
    steps: [kernelStep(profile, histogramSpec, histogramCall(count, edges), ["source", "edges", "counts"])],
  });
  return cases;
}

/** The codes back to f32, and as the weight of a product with one vector. */
function affineDecode(profile: DeviceProfile, request: EncodeRequest, encoded: EncodeSteps): Partial<StepsPiece>[] {
  const { geometry, layout, encoding } = request;
  if (encoding.kind !== "affine" || request.search.kind !== "absmax") return [];
  const codes = encoded.codes.buffer;
  const scales = encoded.scales?.buffer ?? "";
  const zeros = encoded.zeroPoints?.buffer ?? "noZeros";
  const rule = { ...encoding, halfScales: false };
  const decode = kernelStep(profile, affineDecodeSpec, affineDecodeCall(geometry, layout, rule), [
    codes,
    scales,
    zeros,
    "decoded",
  ]);
  const pieces: Partial<StepsPiece>[] = [
    { buffers: { noZeros: 4, decoded: elementsOf(geometry) * 4 }, steps: [decode] },
  ];
  if (geometry.kind !== "blocked" || geometry.blockSize !== 32 || geometry.inner > 1) return pieces;
  const call = blockMatmulCall({ m: 1, n: rows, k: cols, blockSize: 32 }, encoding, profile);
  const step = { call, bindings: [codes, scales, zeros, "x", "noBias", "y"] };
  return [...pieces, { buffers: { x: cols * 4, noBias: 4, y: rows * 4 }, steps: [step] }];
}
