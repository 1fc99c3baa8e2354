// Cases of nn/scatter: each reduction and word, repeated, negative and out of range indices.
import { scatterReference } from "../../../src/kernels/nn/scatter.ref.ts";
import {
  scatterCall,
  scatterSpec,
  type ScatterOp,
  type ScatterShape,
  type WordKind,
} from "../../../src/kernels/nn/scatter.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

/** Small whole numbers, so that sums and products of floats are exact in any order. */
function words(count: number, kind: WordKind, salt: number): Uint8Array {
  const values = Array.from({ length: count }, (_, i) => ((i * 5 + salt) % 7) - (kind === "u32" ? 0 : 3));
  return new Uint8Array(
    (kind === "f32" ? Float32Array : kind === "i32" ? Int32Array : Uint32Array).from(values).buffer,
  );
}

function caseOf(shape: ScatterShape, op: ScatterOp, kind: WordKind = "f32", given?: readonly number[]): KernelCase {
  const { outer, axis, inner, picks, sharedIndices } = shape;
  const length = outer * picks * (sharedIndices ? 1 : inner);
  const indices = Int32Array.from(given ?? Array.from({ length }, (_, i) => ((i * 7) % (2 * axis)) - axis));
  return {
    name: `${op} ${kind} ${picks} into [${outer}, ${axis}, ${inner}]${sharedIndices ? " by rows" : ""}`,
    call: scatterCall(shape, op, kind),
    buffers: [
      words(outer * axis * inner, kind, 1),
      new Uint8Array(indices.buffer),
      words(outer * picks * inner, kind, 4),
      4 * outer * axis * inner,
    ],
  };
}

export const room: KernelRoom = {
  spec: scatterSpec,
  reference: scatterReference,
  cases: [
    caseOf({ outer: 1, axis: 1, inner: 1, picks: 1, sharedIndices: false }, "none"),
    caseOf({ outer: 3, axis: 5, inner: 4, picks: 7, sharedIndices: false }, "none"),
    caseOf({ outer: 3, axis: 5, inner: 4, picks: 7, sharedIndices: false }, "add"),
    caseOf({ outer: 2, axis: 5, inner: 9, picks: 4, sharedIndices: true }, "mul"),
    caseOf({ outer: 1, axis: 70, inner: 3, picks: 40, sharedIndices: true }, "max", "i32"),
    caseOf({ outer: 1, axis: 70, inner: 3, picks: 40, sharedIndices: false }, "min", "u32"),
    caseOf({ outer: 1, axis: 3, inner: 2, picks: 5, sharedIndices: true }, "add", "i32", [3, -4, -1, 2, 2 ** 31 - 1]),
  ],
};
