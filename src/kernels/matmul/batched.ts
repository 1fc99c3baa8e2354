// Room matmul/batched: products of f32 matrices over batches, with transposes, scaled bias and activation.
import { InternalError, UnsupportedError } from "../../base/errors.ts";
import type { AdapterClass, DeviceProfile } from "../../base/profile.ts";
import plainWgsl from "../../../shaders/matmul/batched.wgsl";
import subgroupsWgsl from "../../../shaders/matmul/batched.wgsl?subgroups";
import wideWgsl from "../../../shaders/matmul/batched.wgsl?wide";
import wideSubgroupsWgsl from "../../../shaders/matmul/batched.wgsl?wide&subgroups";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { activationNumber, noActivation, type Activation } from "../nn/activation.ts";
import { broadcastStrides, mergeDims } from "../nn/broadcast.ts";

const defaults = { wg: 64, rows: 8, share: 4, trans_a: 0, trans_b: 0, has_bias: 0, activation: 0 };

const strided = ["a", "b", "bias", "y"] as const;

export const batchedMatmulSpec: KernelSpec = {
  id: "matmul/batched",
  params: [
    ["m", "u32"],
    ["n", "u32"],
    ["k", "u32"],
    ["batch", "u32"],
    ["dim1", "u32"],
    ["dim2", "u32"],
    ["dim3", "u32"],
    ...strided.flatMap((name) => [0, 1, 2, 3].map((i) => [`${name}_stride${i}`, "u32"] as const)),
    ["a_line", "u32"],
    ["b_line", "u32"],
    ["y_line", "u32"],
    ["bias_row", "u32"],
    ["bias_col", "u32"],
    ["alpha", "f32"],
    ["beta", "f32"],
    ["act_a", "f32"],
    ["act_b", "f32"],
  ],
  bindings: [
    { name: "a", access: "read" },
    { name: "b", access: "read" },
    { name: "bias", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [
    { name: "wide-subgroups", requires: ["subgroups"], wgsl: wideSubgroupsWgsl },
    { name: "subgroups", requires: ["subgroups"], wgsl: subgroupsWgsl },
    { name: "wide", requires: [], wgsl: wideWgsl },
    { name: "portable", requires: [], wgsl: plainWgsl },
  ],
  tolerance: { relative: 2e-5, floor: 1 },
};

/** One dimension of a batch: its size, and how many elements further each operand's next matrix is (0: the same). */
export interface BatchDim {
  readonly size: number;
  readonly a: number;
  readonly b: number;
  readonly y: number;
  readonly bias?: number;
}

export interface BatchedMatmulShape {
  /** Rows of op(A) and y. */
  readonly m: number;
  /** Columns of op(B) and y. */
  readonly n: number;
  /** Columns of op(A), rows of op(B). */
  readonly k: number;
  /** Up to four dimensions, outermost first; none for one product. */
  readonly batch?: readonly BatchDim[];
  /** A is held as [k, m]. */
  readonly transA?: boolean;
  /** B is held as [n, k]. */
  readonly transB?: boolean;
  /** Elements from one line of a matrix, as it is held, to the next; default dense. */
  readonly lineA?: number;
  readonly lineB?: number;
  readonly lineY?: number;
  readonly alpha?: number;
  readonly beta?: number;
  /** Elements from a bias value to that of the next row and column: 0 where it is shared. */
  readonly bias?: { readonly row: number; readonly col: number };
  readonly activation?: Activation;
}

export interface MatmulOptions extends Pick<BatchedMatmulShape, "transA" | "transB" | "alpha" | "beta" | "activation"> {
  /** Dims of the bias, broadcast to those of y. */
  readonly bias?: readonly number[];
}

const product = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1);

/**
 * The product of two dense tensors by NumPy's rules: the last two dims are matrices, those before are broadcast; a
 * vector is one row of A or one column of B, and that dim is left out of y. Where all matrices of A meet the same B
 * they are taken as one.
 * @returns the shape for batchedMatmulCall and the dims of y
 * @throws InternalError for dims that do not fit; UnsupportedError for more than four batch dims after merging
 * @example matmulShape([8, 12, 64, 32], [8, 12, 32, 64]).dims // [8, 12, 64, 64]
 */
export function matmulShape(
  a: readonly number[],
  b: readonly number[],
  { transA = false, transB = false, bias, ...rest }: MatmulOptions = {},
): { readonly shape: BatchedMatmulShape; readonly dims: readonly number[] } {
  const [left, right] = [a.length === 1 ? [1, ...a] : a, b.length === 1 ? [...b, 1] : b];
  const [aRows = 1, aCols = 1] = left.slice(-2);
  const [bRows = 1, bCols = 1] = right.slice(-2);
  const [m, k, n] = [transA ? aCols : aRows, transA ? aRows : aCols, transB ? bRows : bCols];
  const [aBatch, bBatch] = [left.slice(0, -2), right.slice(0, -2)];
  const rank = Math.max(aBatch.length, bBatch.length);
  const batch = Array.from({ length: rank }, (_, i) => {
    const [p, q] = [aBatch[i - rank + aBatch.length] ?? 1, bBatch[i - rank + bBatch.length] ?? 1];
    return p === 1 ? q : p;
  });
  const fits = (own: readonly number[]): boolean =>
    own.every((dim, i) => dim === 1 || dim === batch[i - own.length + rank]);
  if (k !== (transB ? bCols : bRows) || !fits(aBatch) || !fits(bBatch)) {
    throw new InternalError(`[${a.join(", ")}] and [${b.join(", ")}] can't be multiplied.`, {
      details: { a: a.join("x"), b: b.join("x"), transA, transB },
    });
  }
  const full = [...batch, m, n];
  const dims = [...batch, ...(a.length === 1 ? [] : [m]), ...(b.length === 1 ? [] : [n])];
  // A vector's missing dim is one in the bias too.
  const biasDims = bias && (b.length === 1 ? [...bias, 1] : a.length === 1 && bias.length > 1 ? insertOne(bias) : bias);
  const biasStrides = biasDims ? broadcastStrides(biasDims, full) : full.map(() => 0);
  const [biasRow = 0, biasCol = 0] = biasStrides.slice(-2);
  const matrixStrides = (own: readonly number[], size: number): number[] =>
    broadcastStrides([...own, size], [...batch, size]).slice(0, -1);
  const strides = [
    matrixStrides(aBatch, m * k),
    matrixStrides(bBatch, k * n),
    broadcastStrides(full, full).slice(0, -2),
    biasStrides.slice(0, -2),
  ];
  const plan = mergeDims(batch, strides);
  const { strides: [sa = [], sb = [], sy = [], sc = []] = [] } = plan;
  const shape: BatchedMatmulShape = {
    m,
    n,
    k,
    transA,
    transB,
    ...rest,
    ...(bias ? { bias: { row: biasRow, col: biasCol } } : {}),
  };
  const count = product(batch);
  const joins = plan.dims.length === 1 && !transA && sa[0] === m * k && sb[0] === 0 && sc[0] === m * biasRow;
  if (joins) return { shape: { ...shape, m: count * m }, dims };
  const batchDims = plan.dims.map((size, i) => ({
    size,
    a: sa[i] ?? 0,
    b: sb[i] ?? 0,
    y: sy[i] ?? 0,
    bias: sc[i] ?? 0,
  }));
  return { shape: { ...shape, batch: batchDims }, dims };
}

const insertOne = (dims: readonly number[]): number[] => [...dims.slice(0, -1), 1, ...dims.slice(-1)];

/** What the choice of a variant and of tiles looks at. */
export type MatmulTarget = Pick<DeviceProfile, "features" | "adapterClass" | "subgroupSize">;

/** Whether all quads of four elements lie on whole vectors. */
function isWide({ m, n, k, transA, batch = [], lineA, lineB, lineY }: BatchedMatmulShape): boolean {
  const steps = [
    n,
    k,
    transA ? m : 4,
    lineA ?? 4,
    lineB ?? 4,
    lineY ?? 4,
    ...batch.flatMap(({ a, b, y }) => [a, b, y]),
  ];
  return steps.every((step) => step % 4 === 0);
}

/** Lanes along the columns: as many as leave few idle, at most 64. */
export function lanesFor(quads: number): number {
  const waste = (wg: number): number => Math.ceil(quads / wg) * wg;
  return [64, 32, 16, 8].reduce((best, wg) => (waste(wg) < waste(best) * 0.9 ? wg : best));
}

/**
 * Rows of a thread's tile. More rows share each load of B, and spill registers.
 * @param tall adapters whose loads are dearer than what 16 rows spill
 */
export function rowsFor(
  m: number,
  { adapterClass }: MatmulTarget,
  tall: readonly AdapterClass[] = ["swiftshader", "llvmpipe"],
): number {
  const fitting = [1, 4, 8, 16].find((rows) => m <= rows) ?? 16;
  return Math.min(fitting, tall.includes(adapterClass) ? 16 : 8);
}

/** Lanes that surely are in one subgroup, to share loads among: 4 (WebGPU's least) or 8. */
export const shareFor = ({ subgroupSize }: MatmulTarget): number => ((subgroupSize?.min ?? 4) >= 8 ? 8 : 4);

/**
 * y = activation(alpha op(A) op(B) + beta bias). Push it as it is: the variant is the one for shape and device.
 * Buffers, all f32: a, b; bias, any 4 bytes without one; y. matmulShape makes the shape for dense tensors.
 * @throws UnsupportedError for more than four batch dims, and for 2^32 elements or more
 */
export function batchedMatmulCall(
  shape: BatchedMatmulShape,
  target: MatmulTarget,
  overrides: Partial<Pick<typeof defaults, "wg" | "rows" | "share">> = {},
): KernelCall {
  const { m, n, k, batch = [], transA = false, transB = false, alpha = 1, beta = 1, bias } = shape;
  const { activation = noActivation, lineA = transA ? m : k, lineB = transB ? k : n, lineY = n } = shape;
  const count = product(batch.map(({ size }) => size));
  const reach = (line: number, lines: number, key: "a" | "b" | "y"): number =>
    batch.reduce((end, dim) => end + (dim.size - 1) * dim[key], line * lines);
  const sizes = [reach(lineA, transA ? k : m, "a"), reach(lineB, transB ? n : k, "b"), reach(lineY, m, "y")];
  if (batch.length > 4 || Math.max(...sizes) >= 2 ** 32 - 4) {
    throw new UnsupportedError(`A product of ${count} times [${m}, ${k}] and [${k}, ${n}] is beyond one dispatch.`, {
      hint: "Cut it along a batch dimension, or merge batch dimensions.",
      details: { m, n, k, batch: batch.map(({ size }) => size).join("x") },
    });
  }
  const dims: readonly BatchDim[] = [
    ...Array.from({ length: 4 - batch.length }, () => ({ size: 1, a: 0, b: 0, y: 0 })),
    ...batch,
  ];
  const strides = strided.flatMap((name) => dims.map((dim, i) => [`${name}_stride${i}`, dim[name] ?? 0] as const));
  const { wg, rows, share } = {
    wg: lanesFor(Math.ceil(n / 4)),
    rows: rowsFor(m, target),
    share: shareFor(target),
    ...overrides,
  };
  const shares = rows > 1 && target.features.includes("subgroups") ? ["subgroups"] : [];
  return {
    kernel: batchedMatmulSpec.id,
    variant: [...(isWide(shape) ? ["wide"] : []), ...shares].join("-") || "portable",
    overrides: {
      wg,
      rows,
      share,
      trans_a: transA ? 1 : 0,
      trans_b: transB ? 1 : 0,
      has_bias: bias ? 1 : 0,
      activation: activationNumber(activation.kind),
    },
    params: {
      m,
      n,
      k,
      batch: count,
      dim1: dims[1]?.size ?? 1,
      dim2: dims[2]?.size ?? 1,
      dim3: dims[3]?.size ?? 1,
      ...Object.fromEntries(strides),
      a_line: lineA,
      b_line: lineB,
      y_line: lineY,
      bias_row: bias?.row ?? 0,
      bias_col: bias?.col ?? 0,
      alpha,
      beta,
      act_a: activation.a ?? 0,
      act_b: activation.b ?? 0,
    },
    workgroups: Math.ceil(m / rows) * Math.ceil(n / (4 * wg)) * count,
    cost: { bytes: 4 * (count * m * n + (sizes[0] ?? 0) + (sizes[1] ?? 0)), ops: 2 * count * m * n * k },
  };
}
