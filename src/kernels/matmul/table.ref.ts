// Reference of matmul/table: values by code, scales by their formats' definitions, sums in doubles.
import { decodeHalf } from "../../base/half.ts";
import type { KernelReference } from "../kernel.ts";
import { activate, activationOf } from "../nn/activation.ts";
import { asF32, getCode } from "../quantize/shape.ts";
import { tableValues } from "../quantize/tables.ts";
import { tableFormats } from "./table.ts";

const e2m1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

/** A power of two by its exponent; the least counts as 0, as shaders flush it. */
const e8m0 = (byte: number): number => (byte === 255 ? Number.NaN : byte === 0 ? 0 : 2 ** (byte - 127));

/** Value of a code by the number of the format's values. */
const valuesOf: Readonly<Record<number, (code: number, zero: number) => number>> = {
  [tableFormats.fp4.values]: (code) => tableValues.fp4[code] ?? 0,
  [tableFormats.nf4.values]: (code) => tableValues.nf4[code] ?? 0,
  [tableFormats.mxfp4.values]: (code) => (code >= 8 ? -1 : 1) * (e2m1[code % 8] ?? 0),
  [tableFormats.ternary.values]: (code) => [-1, 0, 1, 0][code] ?? 0,
  [tableFormats.sign.values]: (code) => (code === 1 ? 1 : -1),
  [tableFormats.int3.values]: (code, zero) => code - zero,
};

function e4m3(byte: number): number {
  const [exponent, mantissa] = [(byte >> 3) & 15, byte & 7];
  if (exponent === 15 && mantissa === 7) return Number.NaN;
  return exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7);
}

export const tableMatmulReference: KernelReference = (params, buffers) => {
  const [codes, scaleBytes, globalBytes, zeroBytes, xs, biases, out] = buffers;
  if (!codes || !scaleBytes || !xs || !out) return;
  const { m = 0, n = 0, k = 0, line = 0, block = 1, bits = 4, format = 0 } = params;
  const [floats, zeros, bias, y] = [scaleBytes, zeroBytes, biases, out].map((bytes) => asF32(bytes));
  const global = asF32(globalBytes)[0] ?? 1;
  const rule = activationOf(params["activation"] ?? 0, params["act_a"] ?? 0, params["act_b"] ?? 0);
  const byteScale = (group: number): number => scaleBytes[group] ?? 0;
  const scaleOf = (group: number): number => {
    if (params["scale_kind"] === tableFormats.mxfp4.scaleKind) return e8m0(byteScale(group));
    if (params["scale_kind"] === tableFormats.nvfp4.scaleKind) return e4m3(byteScale(group)) / global;
    return floats?.[group] ?? 0;
  };
  const halves = new Uint16Array(xs.buffer, xs.byteOffset, xs.length / 2);
  const isHalf = xs.length < m * k * 4;
  const x = isHalf ? Float64Array.from(halves, decodeHalf) : asF32(xs);
  const value = valuesOf[format];
  if (!value || !y) return;
  for (let col = 0; col < n; col++) {
    const weights = Float64Array.from({ length: k }, (_, i) => {
      const place = col * line + i;
      const group = Math.floor(place / block);
      const code = getCode(codes, params["swapped"] ? place ^ 1 : place, bits);
      return value(code, params["has_zeros"] ? (zeros?.[group] ?? 0) : 4) * scaleOf(group);
    });
    for (let row = 0; row < m; row++) {
      const start = params["has_bias"] ? (bias?.[col] ?? 0) : 0;
      y[row * n + col] = activate(
        weights.reduce((sum, weight, i) => sum + weight * (x[row * k + i] ?? 0), start),
        rule,
      );
    }
  }
};
