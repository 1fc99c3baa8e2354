// Cuts within the groups of a packed weight, where a group (one scale per tensor, a long channel) is larger than a
// chunk may be. Such chunks can't be encoded one by one: first the range of each whole group must be known. What that
// takes is in cut-units.ts; here is how the elements fall into chunks. Pure.
import type { WideGeometry } from "../../kernels/quantize/geometry.ts";
import type { Chunk, Placement } from "./chunks.ts";
import { bytesPerSourceElement, codeBits, type PackedWeight, type PartName } from "./packed.ts";

/** Groups that are cut together: channels next to each other, and the chunks that make them up. */
export interface GroupCut {
  /** Unique within the weight. */
  readonly index: number;
  /** All elements of the groups. */
  readonly geometry: WideGeometry;
  /** In the order of the elements; each has all groups. All place the same scales and zero points. */
  readonly chunks: readonly Chunk[];
}

/** A part of the tensor [outer, channels, inner]: where it begins and how far it goes along each axis. */
interface Box {
  readonly outer: readonly [first: number, count: number];
  readonly channels: readonly [first: number, count: number];
  readonly inner: readonly [first: number, count: number];
}

/** Elements of a box in the tensor's natural order: `count` runs of `length`, `stride` apart. */
interface Runs {
  readonly start: number;
  readonly length: number;
  readonly count: number;
  readonly stride: number;
}

/**
 * Chunks of at most `maxElements` elements that cut groups; undefined where the weight's shape or encoding does not
 * allow it (blocks are never cut, nor what is transposed or does not start on a byte).
 */
export function cutGroups(packed: PackedWeight, maxElements: number): readonly GroupCut[] | undefined {
  const { geometry, encoding, transpose, parts } = packed;
  if (geometry.kind !== "wide" || encoding.kind !== "affine" || transpose) return undefined;
  const boxes = inSlabs(geometry, encoding.bits, maxElements) ?? inRuns(geometry, encoding.bits, maxElements);
  if (!boxes) return undefined;
  const total = boxes.reduce((sum, group) => sum + group.length, 0);
  let at = 0;
  const cuts: GroupCut[] = [];
  for (const [index, group] of boxes.entries()) {
    const [first, channels] = group[0]?.channels ?? [0, 0];
    // Packed zero points of some channels must start on a byte as well.
    if (parts.zeroPoints && (first * encoding.bits) % 8 !== 0) return undefined;
    const chunks = group.map((box) => chunkOf(packed, geometry, box, at++, total));
    cuts.push({ index, geometry: { ...geometry, channels }, chunks });
  }
  return cuts;
}

/** Rows or elements after which codes start on a byte whatever lies between. */
const byteStep = (bits: number): number => (bits === 8 ? 1 : 8);

/** All channels together, cut along the outer axis; undefined where even a few rows of that are too large. */
function inSlabs(g: WideGeometry, bits: number, maxElements: number): Box[][] | undefined {
  const step = byteStep(bits);
  const rows = Math.floor(maxElements / (g.channels * g.inner) / step) * step;
  if (rows < 1 || g.outer <= rows) return undefined;
  return [ranges(g.outer, rows).map((outer) => ({ outer, channels: [0, g.channels], inner: [0, g.inner] }))];
}

/** A few channels at a time, each row of them cut along the inner axis; undefined where codes would not start on bytes. */
function inRuns(g: WideGeometry, bits: number, maxElements: number): Box[][] | undefined {
  const step = byteStep(bits);
  const channels = Math.min(step, g.channels);
  const isSingle = g.outer === 1 && g.channels === 1;
  if (!isSingle && (g.inner * bits) % 8 !== 0) return undefined;
  const length = Math.max(step, Math.floor(maxElements / channels / step) * step);
  return ranges(g.channels, channels).map((some) =>
    ranges(g.outer, 1).flatMap((outer) =>
      ranges(g.inner, length).map((inner): Box => ({ outer, channels: some, inner })),
    ),
  );
}

/** Cuts [0, total) into ranges of `most`. */
function ranges(total: number, most: number): (readonly [number, number])[] {
  return Array.from({ length: Math.ceil(total / most) }, (_, index) => {
    const first = index * most;
    return [first, Math.min(most, total - first)] as const;
  });
}

function runsOf({ channels, inner }: WideGeometry, box: Box): Runs {
  const [[o, outerCount], [c, channelCount], [i, innerCount]] = [box.outer, box.channels, box.inner];
  const row = channels * inner;
  const start = o * row + c * inner + i;
  if (channelCount === channels && innerCount === inner) {
    return { start, length: outerCount * row, count: 1, stride: 0 };
  }
  // Of one outer row: cutGroups makes no other boxes.
  return { start, length: innerCount, count: channelCount, stride: inner };
}

function chunkOf(packed: PackedWeight, geometry: WideGeometry, box: Box, index: number, count: number): Chunk {
  const size = bytesPerSourceElement(packed.sourceType);
  const bits = codeBits(packed.encoding);
  const runs = runsOf(geometry, box);
  const [first, channels] = box.channels;
  const perChannel = (part: PartName, bitsEach: number): Placement | undefined => {
    if (!packed.parts[part]) return undefined;
    const offset = (first * bitsEach) / 8;
    return { offset, rowBytes: Math.ceil((channels * bitsEach) / 8), rows: 1, stride: 0 };
  };
  const scales = perChannel("scales", packed.scaleType === "f16" ? 16 : 32);
  const zeroPoints = perChannel("zeroPoints", bits);
  return {
    index,
    count,
    geometry: { kind: "wide", outer: box.outer[1], channels, inner: box.inner[1] },
    read: {
      kind: "read",
      source: packed.source,
      offset: (packed.sourceElement + runs.start) * size,
      rowBytes: runs.length * size,
      rows: runs.count,
      rowStride: runs.stride * size,
    },
    elements: runs.length * runs.count,
    placements: {
      codes: {
        offset: (runs.start * bits) / 8,
        rowBytes: Math.ceil((runs.length * bits) / 8),
        rows: runs.count,
        stride: (runs.stride * bits) / 8,
      },
      ...(scales ? { scales } : {}),
      ...(zeroPoints ? { zeroPoints } : {}),
    },
  };
}
