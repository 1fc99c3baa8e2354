// Cases of matmul/integer: ragged tiles, zero points of each kind, shared matrices, values whose sums wrap.
import { integerMatmulReference } from "../../../src/kernels/matmul/integer.ref.ts";
import { integerMatmulCall, integerMatmulSpec, type IntegerMatmulShape } from "../../../src/kernels/matmul/integer.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { uniform } from "../quantize/float-fixtures.ts";

function words(count: number, seed: number, span: number): Uint8Array {
  const next = uniform(seed);
  return new Uint8Array(Int32Array.from({ length: count }, () => Math.floor((next() - 0.5) * span)).buffer);
}

function caseOf(name: string, shape: IntegerMatmulShape, span = 255): KernelCase {
  const { m, n, k, batch = 1, sharedA, sharedB, zeroPerRow, zeroPerColumn } = shape;
  return {
    name,
    call: integerMatmulCall(shape),
    buffers: [
      words(m * k * (sharedA ? 1 : batch), 1, span),
      words(k * n * (sharedB ? 1 : batch), 2, span),
      words(zeroPerRow ? m : 1, 3, 255),
      words(zeroPerColumn ? n : 1, 4, 255),
      batch * m * n * 4,
    ],
  };
}

export const room: KernelRoom = {
  spec: integerMatmulSpec,
  reference: integerMatmulReference,
  cases: [
    caseOf("one element", { m: 1, n: 1, k: 1 }),
    caseOf("one row", { m: 1, n: 130, k: 65 }),
    caseOf("ragged rows", { m: 7, n: 9, k: 33, zeroPerRow: true, zeroPerColumn: true }),
    caseOf("whole tiles, zero points of columns", { m: 8, n: 16, k: 64, zeroPerColumn: true }),
    caseOf("a batch", { m: 5, n: 6, k: 12, batch: 3 }),
    caseOf("one b for a batch", { m: 5, n: 6, k: 12, batch: 3, sharedB: true, zeroPerRow: true }),
    caseOf("one a for a batch", { m: 5, n: 6, k: 12, batch: 3, sharedA: true }),
    caseOf("sums that wrap", { m: 4, n: 4, k: 40 }, 2 ** 20),
  ],
};
