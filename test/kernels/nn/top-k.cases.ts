// Cases of nn/top-k: both orders, all words, equal elements, infinities, NaN and both zeros.
import { topKReference } from "../../../src/kernels/nn/top-k.ref.ts";
import { topKCall, topKSpec } from "../../../src/kernels/nn/top-k.ts";
import type { AxisShape } from "../../../src/kernels/nn/rows.ts";
import type { WordKind } from "../../../src/kernels/nn/scatter.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

const odd = [Number.NaN, -0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

function caseOf(shape: AxisShape, k: number, kind: WordKind, smallest: boolean, special = false): KernelCase {
  const count = shape.outer * shape.axis * shape.inner;
  const values = Array.from({ length: count }, (_, i) =>
    special && i % 3 === 0 ? (odd[(i / 3) % odd.length] ?? 0) : ((i * 37) % 23) - (kind === "u32" ? 0 : 11),
  );
  const array = kind === "f32" ? Float32Array : kind === "i32" ? Int32Array : Uint32Array;
  return {
    name: `${smallest ? "smallest" : "largest"} ${k} ${kind} of [${shape.outer}, ${shape.axis}, ${shape.inner}]${special ? " with odd floats" : ""}`,
    call: topKCall(shape, k, { kind, smallest }),
    buffers: [
      new Uint8Array(array.from(values).buffer),
      4 * shape.outer * k * shape.inner,
      4 * shape.outer * k * shape.inner,
    ],
  };
}

export const room: KernelRoom = {
  spec: topKSpec,
  reference: topKReference,
  cases: [
    caseOf({ outer: 1, axis: 1, inner: 1 }, 1, "f32", false),
    caseOf({ outer: 3, axis: 40, inner: 2 }, 5, "f32", false),
    caseOf({ outer: 3, axis: 40, inner: 2 }, 40, "f32", true, true),
    caseOf({ outer: 2, axis: 33, inner: 1 }, 33, "f32", false, true),
    caseOf({ outer: 1, axis: 200, inner: 3 }, 7, "i32", true),
    caseOf({ outer: 5, axis: 30, inner: 1 }, 3, "u32", false),
  ],
};
