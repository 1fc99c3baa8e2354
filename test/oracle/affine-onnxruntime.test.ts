// onnxruntime against our affine codes: QuantizeLinear under our scales and zero points chooses our codes, and
// DequantizeLinear and MatMulNBits (fed an identity matrix) decode our bytes to our reference's numbers. The scale
// rule of its block quantizer (q4_dq.cpp) is repeated here in f32 steps.
import { describe, expect, it } from "vitest";
import { affineDecodeReference } from "../../src/kernels/quantize/affine-decode.ref.ts";
import { affineDecodeCall } from "../../src/kernels/quantize/affine-decode.ts";
import { affineEncodeReference } from "../../src/kernels/quantize/affine-encode.ref.ts";
import { affineEncodeCall } from "../../src/kernels/quantize/affine-encode.ts";
import { asI32, type AffineRule } from "../../src/kernels/quantize/affine-rule.ts";
import { affineScaleReference } from "../../src/kernels/quantize/affine-scale.ref.ts";
import { affineScaleCall } from "../../src/kernels/quantize/affine-scale.ts";
import {
  codeCount,
  elementsOf,
  groupCount,
  type CodeLayout,
  type Geometry,
} from "../../src/kernels/quantize/geometry.ts";
import { groupRangeReference } from "../../src/kernels/quantize/group-range.ref.ts";
import { groupRangeCall } from "../../src/kernels/quantize/group-range.ts";
import { packZeroPointsReference } from "../../src/kernels/quantize/pack-zero-points.ref.ts";
import { packZeroPointsCall, zeroPointBytes } from "../../src/kernels/quantize/pack-zero-points.ts";
import { asF32, packedBytes } from "../../src/kernels/quantize/shape.ts";
import { bytesOf, weights } from "../support/float-data.ts";
import { runOracle } from "../support/ort.ts";
import { tinyModel, type TinyTensor } from "../support/tiny-onnx.ts";

const onnxType = { float: 1, uint8: 2, int8: 3, uint4: 21, int4: 22 } as const;
const typeOf = ({ bits, signed }: AffineRule): number =>
  bits === 4 ? (signed ? onnxType.int4 : onnxType.uint4) : signed ? onnxType.int8 : onnxType.uint8;

interface Encoded {
  readonly codes: Uint8Array;
  readonly scales: Uint8Array;
  readonly zeros: Int32Array;
  readonly packedZeros: Uint8Array;
  readonly decoded: Float32Array;
}

function encode(values: Float32Array, geometry: Geometry, layout: CodeLayout, rule: AffineRule): Encoded {
  const groups = groupCount(geometry);
  const [source, ranges] = [bytesOf(values), new Uint8Array(groups * 8)];
  const [scales, zeroPoints] = [new Uint8Array(groups * 4), new Uint8Array(groups * 4)];
  const codes = new Uint8Array(packedBytes(codeCount(geometry, layout), rule.bits));
  const zeroBytes = zeroPointBytes(geometry, layout, rule.bits);
  const packedZeros = new Uint8Array(Math.ceil(zeroBytes / 4) * 4);
  const decoded = new Float32Array(elementsOf(geometry));
  const whole = { segments: 1, length: values.length, interleave: 1 } as const;
  groupRangeReference(groupRangeCall(geometry, layout, whole).params, [source, ranges]);
  affineScaleReference(affineScaleCall(groups, rule).params, [ranges, scales, zeroPoints]);
  affineEncodeReference(affineEncodeCall(geometry, layout, rule).params, [source, scales, zeroPoints, codes]);
  packZeroPointsReference(packZeroPointsCall(geometry, layout, rule.bits).params, [zeroPoints, packedZeros]);
  affineDecodeReference(affineDecodeCall(geometry, layout, rule).params, [
    codes,
    scales,
    packedZeros,
    new Uint8Array(decoded.buffer),
  ]);
  return {
    codes: codes.slice(0, Math.ceil((codeCount(geometry, layout) * rule.bits) / 8)),
    scales,
    zeros: asI32(zeroPoints),
    packedZeros: packedZeros.slice(0, zeroBytes),
    decoded,
  };
}

async function floatsOf(
  model: Uint8Array,
  name: string,
  data: Float32Array,
  dims: readonly number[],
): Promise<Float32Array> {
  const [output] = await runOracle(model, [{ name, dtype: "f32", dims, data }]);
  if (!(output?.data instanceof Float32Array)) throw new Error("onnxruntime gave no floats");
  return output.data;
}

const asymmetric = (bits: 4 | 8, signed: boolean): AffineRule => ({
  bits,
  signed,
  scheme: "asymmetric",
  rounding: "half-even",
  halfScales: false,
});

/** Geometries over a [rows, cols] tensor, with the attributes and scale dims that ONNX asks for. */
const cases = [
  {
    name: "per tensor",
    geometry: { kind: "wide", outer: 1, channels: 1, inner: 24 * 70 },
    attributes: {},
    dims: [],
  },
  {
    name: "per row",
    geometry: { kind: "wide", outer: 1, channels: 24, inner: 70 },
    attributes: { axis: 0 },
    dims: [24],
  },
  {
    name: "per column",
    geometry: { kind: "wide", outer: 24, channels: 70, inner: 1 },
    attributes: { axis: 1 },
    dims: [70],
  },
  {
    name: "blocks of 16 along axis 0, ragged",
    geometry: { kind: "blocked", outer: 1, dim: 24, inner: 70, blockSize: 16 },
    attributes: { axis: 0, block_size: 16 },
    dims: [2, 70],
  },
  {
    name: "blocks of 32 along axis 1, ragged",
    geometry: { kind: "blocked", outer: 24, dim: 70, inner: 1, blockSize: 32 },
    attributes: { axis: 1, block_size: 32 },
    dims: [24, 3],
  },
] as const satisfies readonly { name: string; geometry: Geometry; attributes: object; dims: readonly number[] }[];

const source = weights(24 * 70, 41);
const rules = [asymmetric(8, false), asymmetric(8, true), asymmetric(4, false), asymmetric(4, true)];

describe.each(rules)("int$bits, signed $signed", (rule) => {
  it.each(cases)("is what QuantizeLinear and DequantizeLinear do $name", async ({ geometry, attributes, dims }) => {
    const { codes, scales, packedZeros, decoded } = encode(source, geometry, "natural", rule);
    const type = typeOf(rule);
    const parts: readonly TinyTensor[] = [
      { name: "scale", type: onnxType.float, dims, bytes: scales },
      { name: "zero", type, dims, bytes: packedZeros },
    ];
    const shape = [24, 70];
    const dequantize = tinyModel({
      opType: "DequantizeLinear",
      domain: "",
      inputs: ["x", "scale", "zero"],
      attributes,
      initializers: [...parts, { name: "x", type, dims: shape, bytes: codes }],
      input: { name: "unused", type: onnxType.float, dims: [1] },
      output: { name: "y", type: onnxType.float, dims: shape },
    });
    expect(await floatsOf(dequantize, "unused", new Float32Array(1), [1])).toEqual(decoded);

    if (rule.bits !== 8) return;
    const quantize = tinyModel({
      opType: "QuantizeLinear",
      domain: "",
      inputs: ["x", "scale", "zero"],
      attributes,
      initializers: parts,
      input: { name: "x", type: onnxType.float, dims: shape },
      output: { name: "y", type, dims: shape },
    });
    const [output] = await runOracle(quantize, [{ name: "x", dtype: "f32", dims: shape, data: source }]);
    expect(new Uint8Array(Uint8Array.from(output?.data as ArrayLike<number>))).toEqual(codes);
  });
});

/** Scale and zero point of onnxruntime's block quantizer, each step rounded to f32. */
function blockQuantizerRule(block: Float32Array, bits: number, symmetric: boolean): readonly [number, number] {
  const low = Math.min(...block);
  const high = Math.max(...block);
  if (symmetric) {
    const extreme = Math.abs(high) > Math.abs(low) ? high : low;
    return [Math.fround(extreme / -(2 ** (bits - 1))), 2 ** (bits - 1)];
  }
  const [from, to] = [Math.min(low, 0), Math.max(high, 0)];
  const scale = Math.fround(Math.fround(to - from) / (2 ** bits - 1));
  const zero = Math.fround(0 - Math.fround(from / scale));
  return [scale, Math.max(0, Math.min(2 ** bits - 1, Math.floor(zero + 0.5)))];
}

describe.each([2, 4, 8] as const)("MatMulNBits, %i bits", (bits) => {
  it.each(["symmetric-full", "asymmetric"] as const)("%s: the block quantizer's rule, and decodes", async (scheme) => {
    const [n, k, blockSize] = [20, 150, 32];
    const rule: AffineRule = { bits, signed: false, scheme, rounding: "half-up", halfScales: false };
    const geometry: Geometry = { kind: "blocked", outer: n, dim: k, inner: 1, blockSize };
    const values = weights(n * k, 42);
    const { codes, scales, zeros, packedZeros, decoded } = encode(values, geometry, "rows", rule);
    const blocks = Math.ceil(k / blockSize);
    for (let group = 0; group < n * blocks; group++) {
      const row = Math.floor(group / blocks) * k;
      const first = (group % blocks) * blockSize;
      const block = values.subarray(row + first, row + Math.min(k, first + blockSize));
      const want = blockQuantizerRule(block, bits, scheme !== "asymmetric");
      expect([asF32(scales)[group], zeros[group]]).toEqual(want);
    }
    const withZeros = scheme === "asymmetric";
    const model = tinyModel({
      opType: "MatMulNBits",
      domain: "com.microsoft",
      inputs: ["a", "b", "scales", ...(withZeros ? ["zeros"] : [])],
      attributes: { K: k, N: n, block_size: blockSize, bits },
      initializers: [
        { name: "b", type: onnxType.uint8, dims: [n, blocks, (blockSize * bits) / 8], bytes: codes },
        { name: "scales", type: onnxType.float, dims: [n * blocks], bytes: scales },
        ...(withZeros ? [{ name: "zeros", type: onnxType.uint8, dims: [packedZeros.length], bytes: packedZeros }] : []),
      ],
      input: { name: "a", type: onnxType.float, dims: [k, k] },
      output: { name: "y", type: onnxType.float, dims: [k, n] },
    });
    const identity = Float32Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0));
    const y = await floatsOf(model, "a", identity, [k, k]);
    // Sums of 0 * x + value lose the sign of zero.
    const turned = Float32Array.from({ length: n * k }, (_, i) => y[(i % k) * n + Math.floor(i / k)] || 0);
    expect(turned).toEqual(decoded.map((x) => x || 0));
  });
});
