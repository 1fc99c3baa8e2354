// Cases of nn/strided-copy: what the executor makes of it (transpose, slice, flip, expand, concat), up to six dims.
import { stridesOf } from "../../../src/kernels/nn/broadcast.ts";
import { stridedCopyReference } from "../../../src/kernels/nn/strided-copy.ref.ts";
import { stridedCopyCall, stridedCopySpec, type StridedSide } from "../../../src/kernels/nn/strided-copy.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
const words = (count: number): Uint8Array =>
  new Uint8Array(Uint32Array.from({ length: count }, (_, i) => Math.imul(i + 1, 0x9e3779b1) ^ 0x7fc00000).buffer);

function caseOf(
  name: string,
  dims: readonly number[],
  x: StridedSide & { readonly words: number },
  y: StridedSide & { readonly words: number },
  overrides: Parameters<typeof stridedCopyCall>[3] = {},
): KernelCase {
  return { name, call: stridedCopyCall(dims, x, y, overrides), buffers: [words(x.words), 4 * y.words] };
}

const dense = (dims: readonly number[]) => ({ start: 0, strides: stridesOf(dims), words: sizeOf(dims) });

function transpose(dims: readonly number[], order: readonly number[], overrides = {}): KernelCase {
  const target = order.map((axis) => dims[axis] ?? 1);
  const strides = order.map((axis) => stridesOf(dims)[axis] ?? 1);
  return caseOf(
    `[${dims.join()}] in the order ${order.join()}`,
    target,
    { start: 0, strides, words: sizeOf(dims) },
    dense(target),
    overrides,
  );
}

export const room: KernelRoom = {
  spec: stridedCopySpec,
  reference: stridedCopyReference,
  cases: [
    caseOf("one word", [], { start: 0, strides: [], words: 1 }, { start: 0, strides: [], words: 1 }),
    caseOf("a run", [301], dense([301]), dense([301])),
    transpose([13, 29], [1, 0]),
    transpose([2, 3, 4, 5], [0, 2, 1, 3]),
    transpose([2, 3, 4, 5], [3, 1, 0, 2]),
    transpose([2, 3, 2, 3, 2, 3], [5, 3, 1, 4, 2, 0]),
    transpose([257, 273], [1, 0], { wg: 1, each: 1 }),
    caseOf("every third of each row, backwards", [4, 3], { start: 8, strides: [9, -3], words: 36 }, dense([4, 3])),
    caseOf("broadcast rows", [5, 7], { start: 0, strides: [0, 1], words: 7 }, dense([5, 7])),
    caseOf("one value", [33], { start: 2, strides: [0], words: 3 }, dense([33])),
    caseOf("into columns 2 to 4 of 6", [3, 3], dense([3, 3]), { start: 2, strides: [6, 1], words: 18 }),
    caseOf("reversed on arrival", [5], dense([5]), { start: 4, strides: [-1], words: 5 }),
  ],
};
