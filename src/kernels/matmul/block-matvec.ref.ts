// Reference of matmul/block-matvec: the sum of products in doubles, rounded to f32 once.
import type { KernelReference } from "../kernel.ts";
import { asF32, getCode } from "../quantize/shape.ts";

export const blockMatvecReference: KernelReference = (params, [codes, scales, zeroPoints, x, y]) => {
  if (!codes || !zeroPoints) return;
  const { rows = 0, cols = 0, batch = 0, block = 1, blocks = 0, bits = 4, zero = 0 } = params;
  const [scale, input, output] = [asF32(scales), asF32(x), asF32(y)];
  const signedCode = (bytes: Uint8Array, position: number): number => {
    const code = getCode(bytes, position, bits);
    return params["is_signed"] && code >= 2 ** (bits - 1) ? code - 2 ** bits : code;
  };
  // Zero points of a row start on a byte: so many places a row.
  const zeroStride = (Math.ceil((blocks * bits) / 8) * 8) / bits;
  const weight = (row: number, k: number): number => {
    const b = Math.floor(k / block);
    const zeroPoint = params["packed_zeros"] ? signedCode(zeroPoints, row * zeroStride + b) : zero;
    return (signedCode(codes, row * blocks * block + k) - zeroPoint) * (scale[row * blocks + b] ?? 0);
  };
  for (let row = 0; row < rows; row++) {
    const values = Float64Array.from({ length: cols }, (_, k) => weight(row, k));
    for (let m = 0; m < batch; m++) {
      output[m * rows + row] = values.reduce((sum, value, k) => sum + value * (input[m * cols + k] ?? 0), 0);
    }
  }
};
