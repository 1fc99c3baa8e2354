// Cases of nn/select: each operand broadcast in turn, NaN bits kept.
import { selectReference } from "../../../src/kernels/nn/select.ref.ts";
import { selectCall, selectSpec, type SelectShape } from "../../../src/kernels/nn/select.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
const words = (count: number, seed: number): Uint8Array =>
  new Uint8Array(Uint32Array.from({ length: count }, (_, i) => Math.imul(i + seed, 0x9e3779b1) ^ 0x7fc00000).buffer);

function caseOf(shape: SelectShape, overrides: Parameters<typeof selectCall>[1] = {}): KernelCase {
  const conditions = Uint32Array.from({ length: sizeOf(shape.condition) }, (_, i) => (i * 7) % 3);
  return {
    name: `[${shape.condition.join()}] ? [${shape.a.join()}] : [${shape.b.join()}]`,
    call: selectCall(shape, overrides),
    buffers: [
      new Uint8Array(conditions.buffer),
      words(sizeOf(shape.a), 3),
      words(sizeOf(shape.b), 99),
      4 * sizeOf(shape.y),
    ],
  };
}

export const room: KernelRoom = {
  spec: selectSpec,
  reference: selectReference,
  cases: [
    caseOf({ condition: [], a: [], b: [], y: [] }),
    caseOf({ condition: [301], a: [301], b: [], y: [301] }),
    caseOf({ condition: [3, 1], a: [], b: [3, 5], y: [3, 5] }),
    caseOf({ condition: [1, 5], a: [3, 1], b: [], y: [3, 5] }),
    caseOf({ condition: [2, 1, 4, 1], a: [3, 1, 1], b: [5], y: [2, 3, 4, 5] }),
    caseOf({ condition: [2, 1, 2, 1, 2, 1], a: [1, 3, 1, 3, 1, 3], b: [3, 1, 3], y: [2, 3, 2, 3, 2, 3] }),
    caseOf({ condition: [70_001], a: [], b: [70_001], y: [70_001] }, { wg: 1, each: 1 }),
  ],
};
