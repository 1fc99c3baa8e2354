// Cases of matmul/batched: every tile height, ragged and whole edges, transposes, broadcast batches, biases of every
// shape, activations, strided views, infinities and NaN.
import { batchedMatmulReference } from "../../../src/kernels/matmul/batched.ref.ts";
import {
  batchedMatmulCall,
  batchedMatmulSpec,
  matmulShape,
  type BatchedMatmulShape,
  type MatmulOptions,
} from "../../../src/kernels/matmul/batched.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf, uniform } from "../quantize/float-fixtures.ts";

const sizeOf = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1);

function values(count: number, seed: number): Float32Array {
  const next = uniform(seed);
  return Float32Array.from({ length: Math.max(1, count) }, () => next() * 2 - 1);
}

type Tiles = Parameters<typeof batchedMatmulCall>[2];

/** The call that a device with the features of a variant gets: another variant's where the shape is not for it. */
const callFor =
  (shape: BatchedMatmulShape, tiles?: Tiles): Exclude<KernelCase["call"], object> | KernelCase["call"] =>
  (variant: string) =>
    batchedMatmulCall(
      shape,
      { features: variant.includes("subgroups") ? ["subgroups"] : [], adapterClass: "hardware" },
      tiles,
    );

function dense(a: readonly number[], b: readonly number[], options: MatmulOptions = {}, tiles?: Tiles): KernelCase {
  const { shape, dims } = matmulShape(a, b, options);
  const { transA, transB, bias, activation } = options;
  const notes = [
    transA && "A^T",
    transB && "B^T",
    bias && `bias [${bias.join(", ")}]`,
    activation?.kind,
    tiles && JSON.stringify(tiles),
  ].filter(Boolean);
  return {
    name: `[${a.join(", ")}] x [${b.join(", ")}] ${notes.join(", ")}`,
    call: callFor(shape, tiles),
    buffers: [
      bytesOf(values(sizeOf(a), 1)),
      bytesOf(values(sizeOf(b), 2)),
      bytesOf(values(bias ? sizeOf(bias) : 1, 3)),
      sizeOf(dims) * 4,
    ],
  };
}

const oddValues = (() => {
  const [a, b] = [values(6 * 8, 4), values(8 * 12, 5)];
  a[3] = Number.NaN;
  a[17] = Number.POSITIVE_INFINITY;
  b[7] = Number.NEGATIVE_INFINITY;
  return [bytesOf(a), bytesOf(b)] as const;
})();

/** Heads side by side in one row, [2, 5, 3, 4] as [batch, position, head, element], read and written in place. */
const heads: BatchedMatmulShape = {
  m: 5,
  n: 4,
  k: 8,
  lineA: 24,
  lineB: 12,
  lineY: 12,
  batch: [
    { size: 2, a: 120, b: 96, y: 60 },
    { size: 3, a: 8, b: 4, y: 4 },
  ],
};

/** For subgroups of at least eight lanes. */
export const eightLanes = [
  dense([13, 20], [20, 36], {}, { share: 8 }),
  dense([20, 12], [20, 28], { transA: true }, { share: 8, rows: 16 }),
];

export const room: KernelRoom = {
  spec: batchedMatmulSpec,
  reference: batchedMatmulReference,
  cases: [
    dense([1, 1], [1, 1]),
    dense([1, 64], [64, 300]),
    dense([1, 33], [33, 7]),
    dense([64], [64, 8]),
    dense([3, 5, 12], [12], { bias: [5] }),
    dense([16], [2, 16, 4], { bias: [2, 4] }),
    dense([1, 64], [72, 64], { transB: true }),
    dense([1, 30], [9, 30], { transB: true, activation: { kind: "relu" } }),
    dense([3, 8], [8, 16], { alpha: 0.5 }),
    dense([8, 20], [20, 36], { bias: [36], beta: 2, activation: { kind: "gelu" } }),
    dense([21, 16], [16, 260], { bias: [21, 1], activation: { kind: "clip", a: -0.5, b: 0.5 } }),
    dense([37, 19], [19, 23], { bias: [1], activation: { kind: "sigmoid" } }),
    dense([9, 10], [11, 10], { transB: true, bias: [9, 11] }),
    dense([20, 12], [20, 28], { transA: true }),
    dense([20, 12], [28, 20], { transA: true, transB: true, bias: [12, 28], alpha: -1, beta: 0.25 }),
    dense([13, 7], [5, 13], { transA: true, transB: true }),
    dense([13, 7], [13, 5], { transA: true }),
    dense([16, 33], [33, 18], {}, { rows: 16, wg: 8 }),
    dense([33, 32], [32, 48], {}, { rows: 16, wg: 16 }),
    dense([18, 32], [32, 48], {}, { rows: 4 }),
    dense([2, 3, 16, 8], [2, 3, 8, 16]),
    dense([2, 3, 16, 8], [3, 8, 16], { bias: [3, 1, 16] }),
    dense([3, 1, 5, 8], [1, 2, 8, 9]),
    dense([4, 5, 8], [8, 12], { bias: [5, 12] }),
    dense([4, 5, 8], [8, 12], { bias: [12], activation: { kind: "tanh" } }),
    dense([5, 8], [4, 8, 12]),
    dense([2, 1, 2, 1, 4, 4], [1, 2, 1, 2, 4, 4], { transB: true }),
    dense([3, 0], [0, 5], { bias: [5] }),
    {
      name: "infinities and NaN",
      call: callFor(matmulShape([6, 8], [8, 12]).shape),
      buffers: [...oddValues, 4, 6 * 12 * 4],
    },
    {
      name: "views of heads side by side",
      call: callFor(heads),
      buffers: [bytesOf(values(240, 6)), bytesOf(values(192, 7)), 4, 120 * 4],
    },
  ],
};
