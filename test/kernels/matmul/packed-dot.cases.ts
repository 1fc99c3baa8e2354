// Cases of matmul/packed-dot: bytes and signs, one row and many, ragged rows and columns, bias and activation.
import { packedDotReference } from "../../../src/kernels/matmul/packed-dot.ref.ts";
import {
  packedDotCall,
  packedDotSpec,
  perWord,
  type PackedDotShape,
  type PackedElement,
} from "../../../src/kernels/matmul/packed-dot.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf, uniform } from "../quantize/float-fixtures.ts";

export function caseOf(element: PackedElement, shape: PackedDotShape): KernelCase {
  const { m, n, k } = shape;
  const next = uniform(m + n + k);
  const words = Math.ceil(k / perWord[element]);
  // Padding is 0 on both sides.
  const packed = (count: number): Uint8Array => {
    const bytes = Uint8Array.from({ length: count * words * 4 }, () => Math.floor(next() * 256));
    const bits = 32 / perWord[element];
    for (let row = 0; row < count; row++) {
      for (let bit = k * bits; bit < words * 32; bit++) {
        const at = row * words * 4 + (bit >> 3);
        bytes[at] = (bytes[at] ?? 0) & ~(1 << (bit & 7));
      }
    }
    return bytes;
  };
  const floats = (count: number): Uint8Array => bytesOf(Float32Array.from({ length: count }, () => next() / k));
  const notes = [shape.bias && "bias", shape.activation?.kind, shape.raw && "raw"].filter(Boolean).join(", ");
  return {
    name: `${element}: [${m}, ${k}] x [${n}, ${k}] ${notes}`,
    call: (variant) =>
      packedDotCall(element, shape, { features: variant === "dot4" ? ["packed_4x8_integer_dot_product"] : [] }),
    buffers: [packed(m), floats(m), packed(n), floats(n), shape.bias ? floats(n) : 4, m * n * 4],
  };
}

export const room: KernelRoom = {
  spec: packedDotSpec,
  reference: packedDotReference,
  cases: [
    caseOf("int8", { m: 1, n: 1, k: 1 }),
    caseOf("int8", { m: 1, n: 70, k: 101, bias: true }),
    caseOf("int8", { m: 7, n: 33, k: 64, bias: true, activation: { kind: "relu" } }),
    caseOf("int8", { m: 4, n: 4, k: 4000, activation: { kind: "gelu" } }),
    caseOf("sign", { m: 1, n: 70, k: 101, bias: true }),
    caseOf("sign", { m: 7, n: 33, k: 64, bias: true, activation: { kind: "silu" } }),
    caseOf("sign", { m: 2, n: 3, k: 1 }),
  ],
};
