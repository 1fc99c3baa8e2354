// Reference of quantize/pack-zero-points: a bit string per row, low bits first, rows padded to bytes.
import type { KernelReference } from "../kernel.ts";
import { asI32 } from "./affine-rule.ts";
import { putCode } from "./shape.ts";

export const packZeroPointsReference: KernelReference = (params, [zeroPoints, packed]) => {
  if (!packed) return;
  const { rows = 0, row_length: length = 0, bits = 4 } = params;
  const zeros = asI32(zeroPoints);
  const rowBytes = Math.ceil((length * bits) / 8);
  packed.fill(0, 0, Math.ceil((rows * rowBytes) / 4) * 4);
  for (const [index, zero] of zeros.subarray(0, rows * length).entries()) {
    const position = (Math.floor(index / length) * rowBytes * 8) / bits + (index % length);
    putCode(packed, position, bits, zero & (2 ** bits - 1));
  }
};
