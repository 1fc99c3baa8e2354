// Cuts a packed weight into chunks along the axis that keeps every group whole, so that a tensor larger
// than one binding or the memory budget goes through piece by piece with the same output bytes. Pure.
import { blocksPerRow, type Geometry } from "../../kernels/quantize/geometry.ts";
import type { ReadRef } from "../../plan/types.ts";
import { bytesPerSourceElement, codeBits, type PackedWeight, type PartName } from "./packed.ts";

/** Bytes of a part that a chunk computes: `rows` runs of `rowBytes`, `stride` apart, in the packed tensor. */
export interface Placement {
  readonly offset: number;
  readonly rowBytes: number;
  readonly rows: number;
  readonly stride: number;
}

export interface Chunk {
  readonly index: number;
  readonly count: number;
  readonly geometry: Geometry;
  readonly transpose?: Matrix;
  readonly read: ReadRef;
  readonly elements: number;
  readonly placements: Readonly<Partial<Record<PartName, Placement>>>;
}

/** Runs of source elements, and the matrix that they form when it must be transposed. */
interface Runs {
  readonly start: number;
  readonly length: number;
  readonly count: number;
  readonly stride: number;
  readonly transpose?: Matrix;
}

interface Matrix {
  readonly rows: number;
  readonly cols: number;
}

/** How a geometry is cut: what one step along the cutting axis holds, in elements, codes and groups. */
interface Axis {
  readonly rows: number;
  readonly elementsPerRow: number;
  readonly groupsPerRow: number;
  cut(from: number, to: number): Geometry;
  /** The elements of [from, to) in the source. */
  runs(from: number, to: number): Runs;
  /** Runs of codes that a chunk makes: 1 where the codes of all rows lie end to end, more where rows interleave. */
  readonly codeRuns: number;
  /** Codes that a row takes, padding included. */
  readonly codesPerRow: number;
  readonly totalElements: number;
}

function axisOf({ geometry: g, layout, transpose }: PackedWeight): Axis {
  if (g.kind === "wide") {
    const rowElements = g.outer * g.inner;
    const isContiguous = g.outer === 1 || g.channels === 1;
    return {
      rows: g.channels,
      elementsPerRow: rowElements,
      groupsPerRow: 1,
      cut: (from, to) => ({ ...g, channels: to - from }),
      runs: (from, to) =>
        transpose
          ? sourceRows(transpose, from, to)
          : isContiguous
            ? { start: from * rowElements, length: (to - from) * rowElements, count: 1, stride: 0 }
            : { start: from * g.inner, length: (to - from) * g.inner, count: g.outer, stride: g.channels * g.inner },
      codeRuns: isContiguous ? 1 : g.outer,
      codesPerRow: rowElements,
      totalElements: rowElements * g.channels,
    };
  }
  const blocks = blocksPerRow(g);
  const totalElements = g.outer * g.dim * g.inner;
  if (layout === "rows" && g.inner > 1 && g.outer === 1) {
    return {
      rows: g.inner,
      elementsPerRow: g.dim,
      groupsPerRow: blocks,
      cut: (from, to) => ({ ...g, inner: to - from }),
      runs: (from, to) => ({ start: from, length: to - from, count: g.dim, stride: g.inner }),
      codeRuns: 1,
      codesPerRow: blocks * g.blockSize,
      totalElements,
    };
  }
  if (g.outer === 1) {
    // One row of blocks: natural codes, or a flat run (bitsandbytes) when inner is 1.
    return {
      rows: blocks,
      elementsPerRow: g.blockSize * g.inner,
      groupsPerRow: g.inner,
      cut: (from, to) => ({ ...g, dim: Math.min(g.dim, to * g.blockSize) - from * g.blockSize }),
      runs: (from, to) => {
        const start = from * g.blockSize;
        const end = Math.min(g.dim, to * g.blockSize);
        return transpose
          ? sourceColumns(transpose, start / transpose.rows, end / transpose.rows)
          : { start: start * g.inner, length: (end - start) * g.inner, count: 1, stride: 0 };
      },
      codeRuns: 1,
      codesPerRow: g.blockSize * g.inner,
      totalElements: layout === "rows" ? blocks * g.blockSize * g.inner : totalElements,
    };
  }
  const rowElements = g.dim * g.inner;
  const codesPerRow = layout === "rows" ? g.inner * blocks * g.blockSize : rowElements;
  return {
    rows: g.outer,
    elementsPerRow: rowElements,
    groupsPerRow: blocks * g.inner,
    cut: (from, to) => ({ ...g, outer: to - from }),
    runs: (from, to) => ({ start: from * rowElements, length: (to - from) * rowElements, count: 1, stride: 0 }),
    codeRuns: 1,
    codesPerRow,
    totalElements: codesPerRow * g.outer,
  };
}

/** Rows [from, to) of the transposed matrix are columns of the source. */
const sourceColumns = ({ rows, cols }: Matrix, from: number, to: number): Runs => ({
  start: from,
  length: to - from,
  count: rows,
  stride: cols,
  transpose: { rows, cols: to - from },
});

/** Columns [from, to) of the transposed matrix are rows of the source. */
const sourceRows = ({ cols }: Matrix, from: number, to: number): Runs => ({
  start: from * cols,
  length: (to - from) * cols,
  count: 1,
  stride: 0,
  transpose: { rows: to - from, cols },
});

/**
 * Cuts into chunks of at most `maxElements` source elements, but at least one row each: a group is never cut. What
 * cannot be cut so (a scale per tensor, codes that would not start on a byte) is one chunk; where that is too large for
 * the device or the budget, cut-groups.ts may cut within the groups.
 */
export function chunksOf(whole: PackedWeight, maxElements: number): readonly Chunk[] {
  const packed = flattened(whole, maxElements);
  const axis = axisOf(packed);
  const bits = codeBits(packed.encoding);
  const step = alignment(packed, axis, bits);
  // Where rows interleave, each run of a chunk must start and end on a byte.
  const codesCuttable = axis.codeRuns === 1 || (axis.rows * (axis.codesPerRow / axis.codeRuns) * bits) % 8 === 0;
  const fitting = Math.max(step, Math.floor(maxElements / axis.elementsPerRow / step) * step);
  const perChunk = codesCuttable ? fitting : axis.rows;
  const wanted = Math.ceil(axis.rows / perChunk);
  return Array.from({ length: wanted }, (_, index) => {
    const from = index * perChunk;
    const to = Math.min(axis.rows, from + perChunk);
    return chunkOf(packed, axis, bits, from, to, index, wanted);
  });
}

/** Rows of whole blocks that are too large for a chunk, as one row: in natural order their blocks lie end to end. */
function flattened(packed: PackedWeight, maxElements: number): PackedWeight {
  const { geometry: g, layout, transpose } = packed;
  if (g.kind === "wide" || layout !== "natural" || transpose) return packed;
  if (g.dim * g.inner <= maxElements || g.dim % g.blockSize !== 0) return packed;
  return { ...packed, geometry: { ...g, outer: 1, dim: g.outer * g.dim } };
}

/** Rows per chunk must be a multiple of this, so that each part starts on a byte and transposed blocks on a row. */
function alignment({ geometry, transpose, encoding }: PackedWeight, axis: Axis, bits: number): number {
  if (transpose && geometry.kind === "blocked" && geometry.outer === 1 && geometry.inner === 1) {
    const commonRows = leastCommonMultiple(geometry.blockSize, transpose.rows);
    return leastCommonMultiple(commonRows / geometry.blockSize, 8);
  }
  return axis.rows === 1 || (bits === 8 && encoding.kind === "affine") ? 1 : 8;
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));
const leastCommonMultiple = (a: number, b: number): number => (a / greatestCommonDivisor(a, b)) * b;

function chunkOf(
  packed: PackedWeight,
  axis: Axis,
  bits: number,
  from: number,
  to: number,
  index: number,
  count: number,
): Chunk {
  const size = bytesPerSourceElement(packed.sourceType);
  const runs = axis.runs(from, to);
  const geometry = axis.cut(from, to);
  const last = to === axis.rows;
  const bytesUpTo = (part: "codes" | "scales" | "zeroPoints", row: number): number =>
    row === axis.rows ? (packed.parts[part]?.bytes ?? 0) : rowBytes(packed, axis, bits, part) * row;
  const placements: Partial<Record<PartName, Placement>> = {};
  for (const part of ["codes", "scales", "zeroPoints"] as const) {
    if (!packed.parts[part]) continue;
    if (part === "codes" && axis.codeRuns > 1) {
      const perRun = axis.codesPerRow / axis.codeRuns;
      placements.codes = {
        offset: (from * perRun * bits) / 8,
        rowBytes: last && from === 0 ? packed.parts.codes.bytes : ((to - from) * perRun * bits) / 8,
        rows: last && from === 0 ? 1 : axis.codeRuns,
        stride: (axis.rows * perRun * bits) / 8,
      };
      continue;
    }
    const offset = bytesUpTo(part, from);
    placements[part] = { offset, rowBytes: bytesUpTo(part, to) - offset, rows: 1, stride: 0 };
  }
  return {
    index,
    count,
    geometry,
    ...(runs.transpose ? { transpose: runs.transpose } : {}),
    read: {
      kind: "read",
      source: packed.source,
      offset: (packed.sourceElement + runs.start) * size,
      rowBytes: runs.length * size,
      rows: runs.count,
      rowStride: runs.stride * size,
    },
    elements: runs.length * runs.count,
    placements,
  };
}

function rowBytes({ scaleType, layout, geometry }: PackedWeight, axis: Axis, bits: number, part: PartName): number {
  if (part === "codes") return (axis.codesPerRow * bits) / 8;
  if (part === "scales") return axis.groupsPerRow * (scaleType === "f16" ? 2 : 4);
  if (layout !== "rows" || geometry.kind === "wide") return (axis.groupsPerRow * bits) / 8;
  const blocks = blocksPerRow(geometry);
  return (axis.groupsPerRow / blocks) * Math.ceil((blocks * bits) / 8);
}
