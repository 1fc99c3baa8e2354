// Reference of matmul/block: decoded weights and sums in doubles, rounded to f32 once.
import type { KernelReference } from "../kernel.ts";
import { activate, activationOf } from "../nn/activation.ts";
import { asF32, getCode } from "../quantize/shape.ts";

export const blockMatmulReference: KernelReference = (params, [codes, scaleBytes, zeroPoints, xs, biases, out]) => {
  const [scales, x, bias, y] = [scaleBytes, xs, biases, out].map((bytes) => asF32(bytes));
  if (!codes || !zeroPoints || !scales || !x || !bias || !y) return;
  const { m = 0, n = 0, k = 0, block = 1, blocks = 0, bits = 4, zero = 0 } = params;
  const rule = activationOf(params["activation"] ?? 0, params["act_a"] ?? 0, params["act_b"] ?? 0);
  const codeAt = (bytes: Uint8Array, place: number): number => {
    const code = getCode(bytes, place, bits);
    return params["is_signed"] && code >= 2 ** (bits - 1) ? code - 2 ** bits : code;
  };
  // Zero points of a row start on a byte: so many places a row.
  const zeroStride = (Math.ceil((blocks * bits) / 8) * 8) / bits;
  for (let col = 0; col < n; col++) {
    const weights = Float64Array.from({ length: k }, (_, i) => {
      const group = Math.floor(i / block);
      const center = params["packed_zeros"] ? codeAt(zeroPoints, col * zeroStride + group) : zero;
      return (codeAt(codes, col * blocks * block + i) - center) * (scales[col * blocks + group] ?? 0);
    });
    for (let row = 0; row < m; row++) {
      const start = params["has_bias"] ? (bias[col] ?? 0) : 0;
      const sum = weights.reduce((all, weight, i) => all + weight * (x[row * k + i] ?? 0), start);
      y[row * n + col] = activate(sum, rule);
    }
  }
};
