// Cases of nn/gather: axes at either end, negative indices and indices out of range.
import { gatherReference } from "../../../src/kernels/nn/gather.ref.ts";
import { gatherCall, gatherSpec, type GatherShape } from "../../../src/kernels/nn/gather.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

const words = (count: number): Uint8Array =>
  new Uint8Array(Uint32Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e3779b1) ^ 0x7fc00000).buffer);

function caseOf(shape: GatherShape, given?: readonly number[], overrides = {}): KernelCase {
  const { outer, axis, picks, inner } = shape;
  const indices = Int32Array.from(
    given ?? Array.from({ length: picks }, (_, i) => ((i * 7) % axis) - (i % 2 === 0 ? 0 : axis)),
  );
  return {
    name: `${picks} of [${outer}, ${axis}, ${inner}]${given ? ` at ${given.join()}` : ""}`,
    call: gatherCall(shape, overrides),
    buffers: [words(outer * axis * inner), new Uint8Array(indices.buffer), 4 * outer * picks * inner],
  };
}

export const room: KernelRoom = {
  spec: gatherSpec,
  reference: gatherReference,
  cases: [
    caseOf({ outer: 1, axis: 1, picks: 1, inner: 1 }),
    caseOf({ outer: 1, axis: 9, picks: 5, inner: 64 }),
    caseOf({ outer: 7, axis: 5, picks: 8, inner: 1 }),
    caseOf({ outer: 3, axis: 4, picks: 2, inner: 33 }),
    caseOf({ outer: 2, axis: 3, picks: 6, inner: 2 }, [0, -1, -3, 3, -4, 2]),
    caseOf({ outer: 1, axis: 300, picks: 70_001, inner: 1 }, undefined, { wg: 1, each: 1 }),
  ],
};
