// Moves tensors between their own order and the plain rows that gpu.js kernels take: code positions in sequence,
// the scale of each, and the rows that a reduction folds. Sources are handled as bits and cleaned on the way
// (subnormals, NaN, infinities and -0 become 0, as for every kernel), since WebGL promises little about them.
import type { ShapeParams } from "../kernels/quantize/shape.ts";

/** Elements that one run of a kernel takes; a few sizes, as each is compiled by itself. */
const tileSizes = [2 ** 10, 2 ** 13, 2 ** 16] as const;

/** The tile for `count` elements: the smallest that holds them, else the largest. */
export const tileFor = (count: number): number => tileSizes.find((size) => count <= size) ?? 2 ** 16;

/** The least power of two of at least `count`. */
export function powerOfTwo(count: number): number {
  let size = 1;
  while (size < count) size *= 2;
  return size;
}

/** f32 bits as kernels count them. */
const clean = (bits: number): number => (((bits & 0x7f800000) - 0x00800000) >>> 0 < 0x7f000000 ? bits : 0);

/** Writes the elements at code positions [first, first + count), and 0 for padding and for the rest of `target`. */
export function fillPositions(
  shape: ShapeParams,
  source: Uint32Array,
  target: Uint32Array,
  first: number,
  count: number,
): void {
  const { dim, inner, block, blocks, order } = shape;
  target.fill(0, count);
  if (order !== 1) {
    for (let k = 0; k < count; k++) target[k] = clean(source[first + k] ?? 0);
    return;
  }
  const rowCodes = blocks * block;
  for (let k = 0; k < count;) {
    const row = Math.floor((first + k) / rowCodes);
    const start = first + k - row * rowCodes;
    const end = Math.min(rowCodes, start + count - k);
    const base = Math.floor(row / inner) * dim * inner + (row % inner);
    for (let d = start; d < end; d++, k++) target[k] = d < dim ? clean(source[base + d * inner] ?? 0) : 0;
  }
}

/**
 * Calls back for runs of code positions in [first, first + count): `length` positions from `first + start` on
 * belong to group `group`, or with `step` 1 to `group`, `group` + 1 and so on.
 */
function forEachRun(
  { dim, inner, block, blocks, order }: ShapeParams,
  first: number,
  count: number,
  visit: (start: number, length: number, group: number, step: 0 | 1) => void,
): void {
  for (let k = 0; k < count;) {
    const position = first + k;
    let [group, length, step]: [number, number, 0 | 1] = [0, 0, 0];
    if (order === 1) {
      group = Math.floor(position / block);
      length = (group + 1) * block - position;
    } else if (order === 2) {
      const run = Math.floor(position / inner);
      group = run % dim;
      length = dim === 1 ? count : (run + 1) * inner - position;
    } else {
      const row = Math.floor(position / inner);
      const d = row % dim;
      const b = Math.floor(d / block);
      group = (Math.floor(row / dim) * blocks + b) * inner + (position % inner);
      length = inner === 1 ? Math.min((b + 1) * block, dim) - d : inner - (position % inner);
      step = inner === 1 ? 0 : 1;
    }
    length = Math.min(length, count - k);
    visit(k, length, group, step);
    k += length;
  }
}

/** Whether all codes of a cell share a group, wherever it lies. */
export function cellsShareGroups({ outer, dim, inner, block, order }: ShapeParams, perCell: number): boolean {
  if (order === 1) return block % perCell === 0;
  if (order === 2) return dim === 1 || inner % perCell === 0;
  return inner === 1 && block % perCell === 0 && (outer === 1 || dim % perCell === 0);
}

/** Writes one value per `stride` code positions of [first, first + count), that of their group; 1 for the rest. */
export function spreadGroups(
  shape: ShapeParams,
  values: Float32Array | Int32Array,
  target: Float32Array,
  first: number,
  count: number,
  stride: number,
): void {
  target.fill(1);
  forEachRun(shape, first, count, (start, length, group, step) => {
    if (step === 1) target.set(values.subarray(group, group + length), start);
    else target.fill(values[group] ?? 0, Math.ceil(start / stride), Math.ceil((start + length) / stride));
  });
}

/** Moves what lies at code positions [first, first + count) to the order of the elements; drops padding. */
export function scatterPositions(
  { dim, inner, block, blocks, order }: ShapeParams,
  positions: Float32Array,
  target: Float32Array,
  first: number,
  count: number,
): void {
  if (order !== 1) {
    target.set(positions.subarray(0, count), first);
    return;
  }
  const rowCodes = blocks * block;
  for (let k = 0; k < count;) {
    const row = Math.floor((first + k) / rowCodes);
    const start = first + k - row * rowCodes;
    const end = Math.min(rowCodes, start + count - k);
    const base = Math.floor(row / inner) * dim * inner + (row % inner);
    for (let d = start; d < Math.min(end, dim); d++) target[base + d * inner] = positions[k + d - start] ?? 0;
    k += end - start;
  }
}

/** How groups are cut for a reduction: row r is segment r % segments of group r / segments. */
export interface RowCut {
  readonly segments: number;
  readonly length: number;
  readonly interleave: number;
}

/** Writes the elements of rows [first, first + rows), each padded with 0 to `width`. */
export function fillRows(
  { dim, inner, block, blocks, order, outer }: ShapeParams,
  { segments, length, interleave }: RowCut,
  source: Uint32Array,
  target: Uint32Array,
  first: number,
  rows: number,
  width: number,
): void {
  target.fill(0);
  for (let r = 0; r < rows; r++) {
    const group = Math.floor((first + r) / segments);
    const segment = (first + r) % segments;
    const start = Math.floor(segment / interleave) * interleave * length + (segment % interleave);
    let [base, stride, size, run] = [group * inner, 1, outer * inner, inner];
    if (order !== 2) {
      const b = order === 1 ? group % blocks : Math.floor(group / inner) % blocks;
      const row =
        order === 1 ? Math.floor(group / blocks) : Math.floor(group / inner / blocks) * inner + (group % inner);
      base = (Math.floor(row / inner) * dim + b * block) * inner + (row % inner);
      [stride, size] = [inner, Math.min(block, dim - b * block)];
      run = size;
    }
    const at = r * width;
    if (stride === 1 && interleave === 1 && start + length <= run) {
      for (let j = 0; j < length; j++) target[at + j] = clean(source[base + start + j] ?? 0);
      continue;
    }
    // A wide group is `outer` runs of `inner` elements, a run of each channel after the other.
    const skip = (dim - 1) * inner;
    for (let j = 0; j < length; j++) {
      const ordinal = start + j * interleave;
      if (ordinal >= size) break;
      const skipped = order === 2 && ordinal >= run ? Math.floor(ordinal / run) * skip : 0;
      target[at + j] = clean(source[base + ordinal * stride + skipped] ?? 0);
    }
  }
}
