// The affine integer kernels on gpu.js: same calls, same bytes. gpu.js does the work per element (ranges, codes,
// products); the host cleans and lays out tiles, derives one scale per group, and settles what inexact
// arithmetic must not: an encoded cell with a quotient near a tie comes back as a doubt, and the exact rule decides
// its codes. That is about one cell in a hundred of ordinary weights.
//
// Margin: with |x / scale| < 512 the computed quotient is within 2^-10.8 of the real one (see
// shaders/common/exact.wgsl: a product and a division of at most 2.5 ulp), so a nearest integer closer than
// 0.5 - 2^-10 is that of the real quotient and no tie rule is asked. Beyond, every result is past the last code.
import { decodeHalf } from "../base/half.ts";
import { affineBlockErrorReference } from "../kernels/quantize/affine-block-error.ref.ts";
import { affineBlockErrorSpec, blockErrorRecords } from "../kernels/quantize/affine-block-error.ts";
import { affineBlockReference } from "../kernels/quantize/affine-block.ref.ts";
import { affineBlockSpec } from "../kernels/quantize/affine-block.ts";
import { affineDecodeReference } from "../kernels/quantize/affine-decode.ref.ts";
import { affineDecodeSpec } from "../kernels/quantize/affine-decode.ts";
import { affineEncodeReference } from "../kernels/quantize/affine-encode.ref.ts";
import { affineEncodeSpec } from "../kernels/quantize/affine-encode.ts";
import { affineErrorReference } from "../kernels/quantize/affine-error.ref.ts";
import { affineErrorSpec } from "../kernels/quantize/affine-error.ts";
import {
  affineCode,
  affineScale,
  affineZeroPoint,
  asI32,
  lowestCode,
  ruleOf,
  type AffineRule,
} from "../kernels/quantize/affine-rule.ts";
import { groupRangeSpec } from "../kernels/quantize/group-range.ts";
import {
  asF32,
  asU32,
  codesOf,
  getCode,
  groupsOf,
  packedBytes,
  shapeOf,
  type ShapeParams,
} from "../kernels/quantize/shape.ts";
import { segmentOf } from "../kernels/stats/segments.ts";
import type { KernelReference } from "../kernels/kernel.ts";
import { writeErrorRecords } from "./error-records.ts";
import type { GpuJs } from "./gpu-js.ts";
import { decodeCells, encodeCells, rowRanges } from "./sources.ts";
import {
  cellsShareGroups,
  fillPositions,
  fillRows,
  powerOfTwo,
  scatterPositions,
  spreadGroups,
  tileFor,
  type RowCut,
} from "./tiles.ts";

/** How near to a nearest integer a computed quotient decides. */
const sure = 0.5 - 2 ** -10;

const cellBits = 16;

/** Kernel ids that gpu.js computes, as functions of the references' shape. */
export function affineKernels(gpu: GpuJs): Readonly<Record<string, KernelReference>> {
  return {
    [groupRangeSpec.id]: (params, [source, ranges]) => {
      const { segments = 1, segment_length: length = 1, interleave = 1 } = params;
      rangesOfRows(gpu, shapeOf(params), { segments, length, interleave }, asU32(source), asF32(ranges));
    },
    [affineEncodeSpec.id]: (params, buffers) => {
      const [source, scales, zeros, codes] = buffers;
      if (!codes || !inRange(asF32(scales))) return affineEncodeReference(params, buffers);
      encode(gpu, shapeOf(params), ruleOf(params), asU32(source), asF32(scales), asI32(zeros), codes);
    },
    [affineBlockSpec.id]: (params, buffers) => {
      const [source, codes, scales, zeros] = buffers;
      const given = params["given"] === 1;
      if (!codes || (given && !inRange(asF32(scales)))) return affineBlockReference(params, buffers);
      const { dim = 0, inner = 0, block = 1, row_words: rowWords = 0 } = params;
      const rule = ruleOf(params);
      const rows: ShapeParams = { ...shapeOf(params), order: 1 };
      const [scale, zero] = [asF32(scales), asI32(zeros)];
      if (!given) scaleBlocks(gpu, rows, block, rule, asU32(source), scale, zero);
      // A natural layout is one with no padding in its rows.
      const natural = inner === 1 && rowWords * 32 === dim * rule.bits;
      encode(gpu, natural ? { ...rows, order: 0 } : rows, rule, asU32(source), scale, zero, codes);
    },
    [affineDecodeSpec.id]: (params, buffers) => {
      const [codes, scales, zeros, decoded] = buffers;
      const [shape, rule] = [shapeOf(params), ruleOf(params)];
      const values = storedScales(params, scales, groupsOf(shape));
      if (!codes || !zeros || !inRange(values)) return affineDecodeReference(params, buffers);
      decode(gpu, shape, rule, codes, values, storedZeros(params, shape, rule, zeros), asF32(decoded));
    },
    [affineErrorSpec.id]: (params, buffers) => {
      const { segments = 0, quads_per_thread: quads = 1 } = params;
      const records = { count: segments, recordOf: (element: number) => segmentOf(element, quads) };
      measure(gpu, params, buffers, records, affineErrorReference);
    },
    [affineBlockErrorSpec.id]: (params, buffers) => {
      measure(gpu, params, buffers, blockErrorRecords(params), affineBlockErrorReference);
    },
  };
}

/** Scale and zero point of every block, from its range. */
function scaleBlocks(
  gpu: GpuJs,
  rows: ShapeParams,
  block: number,
  rule: AffineRule,
  source: Uint32Array,
  scales: Float32Array,
  zeros: Int32Array,
): void {
  const ranges = new Float32Array(groupsOf(rows) * 2);
  rangesOfRows(gpu, rows, { segments: 1, length: block, interleave: 1 }, source, ranges);
  for (let group = 0; group < groupsOf(rows); group++) {
    const low = ranges[2 * group] ?? 0;
    const value = affineScale(low, ranges[2 * group + 1] ?? 0, rule);
    scales[group] = value;
    zeros[group] = affineZeroPoint(low, value, rule);
  }
}

function measure(
  gpu: GpuJs,
  params: Readonly<Record<string, number>>,
  buffers: readonly Uint8Array[],
  { count, recordOf }: { readonly count: number; readonly recordOf: (element: number) => number },
  plain: KernelReference,
): void {
  const [source, codes, scales, zeros, records] = buffers;
  if (!codes || !records || !inRange(asF32(scales))) return plain(params, buffers);
  const [shape, rule] = [shapeOf(params), ruleOf(params)];
  const decoded = new Float32Array(shape.outer * shape.dim * shape.inner);
  decode(gpu, shape, rule, codes, asF32(scales), asI32(zeros), decoded);
  const values = { source: asF32(source), scales: asF32(scales), zeros: asI32(zeros), decoded };
  writeErrorRecords(params, values, records, count, recordOf);
}

/** The scales for which the margin holds; all that the scale kernels write. */
const inRange = (scales: Float32Array): boolean =>
  scales.every((scale) => Math.abs(scale) >= 2 ** -120 && Math.abs(scale) <= 2 ** 101);

function rangesOfRows(gpu: GpuJs, shape: ShapeParams, cut: RowCut, source: Uint32Array, ranges: Float32Array): void {
  const rows = groupsOf(shape) * cut.segments;
  const width = powerOfTwo(cut.length);
  const tileRows = Math.max(1, tileFor(rows * width) / width);
  const tile = new Float32Array(tileRows * width);
  for (let first = 0; first < rows; first += tileRows) {
    const count = Math.min(tileRows, rows - first);
    fillRows(shape, cut, source, new Uint32Array(tile.buffer), first, count, width);
    const found = gpu.run(rowRanges, { length: width }, tileRows * 2, [tile]);
    // Adding 0 makes +0 of the -0 that a sign times 0 leaves.
    for (let k = 0; k < count * 2; k++) ranges[first * 2 + k] = (found[k] ?? 0) + 0;
  }
}

/** Constants of a code width, and the buffers of a tile of codes. */
function cellTile(shape: ShapeParams, rule: Pick<AffineRule, "bits" | "signed">) {
  const perCell = cellBits / rule.bits;
  const shared = cellsShareGroups(shape, perCell);
  const size = tileFor(codesOf(shape));
  const [lowest, levels] = [lowestCode(rule), 2 ** rule.bits];
  const groups = shared ? size / perCell : size;
  return {
    size,
    perCell,
    stride: shared ? perCell : 1,
    scales: new Float32Array(groups),
    zeros: new Float32Array(groups),
    layout: { perCell, spread: shared ? 1 : perCell, step: shared ? 0 : 1 },
    codes: { lowest, highest: lowest + levels - 1, levels },
  };
}

function encode(
  gpu: GpuJs,
  shape: ShapeParams,
  rule: AffineRule,
  source: Uint32Array,
  scales: Float32Array,
  zeros: Int32Array,
  codes: Uint8Array,
): void {
  const total = codesOf(shape);
  const tile = cellTile(shape, rule);
  const { size, perCell, stride } = tile;
  const values = new Float32Array(size);
  const words = new Uint16Array(codes.buffer, codes.byteOffset, packedBytes(total, rule.bits) / 2);
  words.fill(0);
  const constants = { ...tile.layout, ...tile.codes, sure };
  for (let first = 0; first < total; first += size) {
    const count = Math.min(size, total - first);
    fillPositions(shape, source, new Uint32Array(values.buffer), first, count);
    spreadGroups(shape, scales, tile.scales, first, count, stride);
    spreadGroups(shape, zeros, tile.zeros, first, count, stride);
    const cells = gpu.run(encodeCells, constants, size / perCell, [values, tile.scales, tile.zeros]);
    const firstCell = first / perCell;
    for (let cell = 0; cell * perCell < count; cell++) {
      let word = cells[cell] ?? -1;
      if (word < 0) {
        word = 0;
        for (let k = perCell - 1; k >= 0; k--) {
          const at = cell * perCell + k;
          const group = Math.floor(at / stride);
          const code = affineCode(values[at] ?? 0, tile.scales[group] ?? 1, tile.zeros[group] ?? 0, rule);
          word = word * 2 ** rule.bits + (code & (2 ** rule.bits - 1));
        }
      }
      words[firstCell + cell] = word;
    }
  }
  const rest = total % perCell;
  if (rest > 0)
    words[Math.floor(total / perCell)] = (words[Math.floor(total / perCell)] ?? 0) & (2 ** (rest * rule.bits) - 1);
}

function decode(
  gpu: GpuJs,
  shape: ShapeParams,
  rule: AffineRule,
  codes: Uint8Array,
  scales: Float32Array,
  zeros: Int32Array,
  decoded: Float32Array,
): void {
  const total = codesOf(shape);
  const tile = cellTile(shape, rule);
  const { size, perCell, stride } = tile;
  const words = new Uint16Array(codes.buffer, codes.byteOffset, packedBytes(total, rule.bits) / 2);
  const cells = new Float32Array(size / perCell);
  const { highest, levels } = tile.codes;
  const constants = { ...tile.layout, perCellInverse: 1 / perCell, highest, levels, levelsInverse: 1 / levels };
  for (let first = 0; first < total; first += size) {
    const count = Math.min(size, total - first);
    cells.set(words.subarray(first / perCell, Math.ceil((first + count) / perCell)));
    spreadGroups(shape, scales, tile.scales, first, count, stride);
    spreadGroups(shape, zeros, tile.zeros, first, count, stride);
    const values = gpu.run(decodeCells, constants, size, [cells, tile.scales, tile.zeros]);
    scatterPositions(shape, values, decoded, first, count);
  }
}

/** Scales as a decoder reads them, f32 or packed f16. */
function storedScales(
  params: Readonly<Record<string, number>>,
  scales: Uint8Array | undefined,
  groups: number,
): Float32Array {
  if (!scales || params["half_scales"] !== 1) return asF32(scales).subarray(0, groups);
  const halves = new Uint16Array(scales.buffer, scales.byteOffset, groups);
  return Float32Array.from(halves, (bits) => decodeHalf(bits));
}

/** Zero points as a decoder reads them: packed (rows of blocks start on bytes), or one for all. */
function storedZeros(
  params: Readonly<Record<string, number>>,
  { order, blocks, ...rest }: ShapeParams,
  { bits, signed }: AffineRule,
  packed: Uint8Array,
): Int32Array {
  const zeros = new Int32Array(groupsOf({ order, blocks, ...rest }));
  if (params["packed_zeros"] !== 1) return zeros.fill(params["zero"] ?? 0);
  const rowZeros = order === 1 ? (Math.ceil((blocks * bits) / 8) * 8) / bits : 0;
  for (let group = 0; group < zeros.length; group++) {
    const position = order === 1 ? Math.floor(group / blocks) * rowZeros + (group % blocks) : group;
    const field = getCode(packed, position, bits);
    zeros[group] = signed && field >= 2 ** (bits - 1) ? field - 2 ** bits : field;
  }
  return zeros;
}
