// The fingerprint of affine codes as a reader of the file decodes them, group by group, without holding the
// decoded values: the proof of a large model spends its time here. Written from the formats' definitions, like the
// references it must agree with; shares nothing with the kernels that packed the codes.
import { decodeHalf } from "../base/half.ts";
import {
  blocksPerRow,
  type BlockedGeometry,
  type CodeLayout,
  type Geometry,
  type WideGeometry,
} from "../kernels/quantize/geometry.ts";

export interface PackedAffine {
  readonly geometry: Geometry;
  readonly layout: CodeLayout;
  readonly bits: number;
  readonly signed: boolean;
  /** Scales are f16, else f32. */
  readonly halfScales: boolean;
  readonly codes: Uint8Array;
  readonly scales: Uint8Array;
  /** Packed like codes; in the rows layout each row of blocks starts on a byte. Absent: the middle code. */
  readonly zeroPoints?: Uint8Array;
}

/** Codes of one group, `count` of them, `step` apart, and their elements, `stride` apart. */
interface Run {
  group: number;
  /** Where the group's packed zero point begins, in bits. */
  zeroBit: number;
  position: number;
  step: number;
  element: number;
  stride: number;
  count: number;
}

/** Wrapping sum of (bits of each decoded f32, -0 as +0) * (2 * index + 1), index in natural order. */
export function affineFingerprint(packed: PackedAffine): number {
  const { bits, signed, codes } = packed;
  const mask = 2 ** bits - 1;
  const sign = signed ? 2 ** (bits - 1) : 0;
  const scaleAt = scaleReader(packed);
  const zeroAt = zeroReader(packed);
  const { geometry } = packed;
  if (geometry.kind === "wide" && geometry.inner === 1 && bits === 8 && geometry.outer > mask) {
    return sumLastChannels(codes, geometry, sign, scaleAt, zeroAt) >>> 0;
  }
  if (geometry.kind === "blocked" && packed.layout === "rows" && bits === 4 && geometry.blockSize % 2 === 0) {
    const listed = listGroups(packed, geometry);
    if (listed) return sumNibbleRows(codes, geometry, sign, listed.scales, listed.zeros) >>> 0;
  }
  const values = new Float32Array(mask + 1);
  const bitsOfValues = new Int32Array(values.buffer);
  const words = new Int32Array(mask + 1);
  let sum = 0;
  forEachRun(packed, (run) => {
    const scale = scaleAt(run.group);
    const zero = zeroAt(run.zeroBit);
    if (run.count <= mask) {
      sum = (sum + sumDecoded(codes, bits, run, values, bitsOfValues, sign, zero, scale)) | 0;
      return;
    }
    fillWords(words, 0, mask, sign, zero, scale, values, bitsOfValues);
    const isNibbles = bits === 4 && run.step === 1 && run.position % 2 === 0 && run.count % 2 === 0;
    sum = (sum + (isNibbles ? sumNibbles(codes, run, words) : sumFields(codes, bits, run, words))) | 0;
  });
  return sum >>> 0;
}

const minusZero = -0x80000000;

// The loops below are functions of their own, with integers throughout, because the engine then keeps all in
// registers: they see every weight of the model.

/**
 * Bits of the value of each code there is, by its field, from words[at] on. Codes as far above the zero point as
 * below it share a product but for its sign. `values` and `bitsOfValues` are the same memory.
 */
function fillWords(
  words: Int32Array,
  at: number,
  mask: number,
  sign: number,
  zero: number,
  scale: number,
  values: Float32Array,
  bitsOfValues: Int32Array,
): void {
  // Counted from the lowest code on; a signed field is that with its sign bit flipped.
  const middle = zero + sign;
  const reach = Math.max(middle, mask - middle);
  for (let j = 1; j <= reach; j++) values[j] = j * scale;
  words[at + (middle ^ sign)] = 0;
  for (let j = 1; j <= reach; j++) {
    const word = bitsOfValues[j] ?? 0;
    const isZero = (word | minusZero) === minusZero;
    if (middle + j <= mask) words[at + ((middle + j) ^ sign)] = isZero ? 0 : word;
    if (middle >= j) words[at + ((middle - j) ^ sign)] = isZero ? 0 : word ^ minusZero;
  }
}

/** Channels that go down the rows together: their tables fit in a processor's nearest cache, as do their codes. */
const channelBand = 16;

/** 8-bit codes of channels that lie last: some channels at a time, row after row. */
function sumLastChannels(
  codes: Uint8Array,
  { outer, channels }: WideGeometry,
  sign: number,
  scaleAt: (group: number) => number,
  zeroAt: (bit: number) => number,
): number {
  const values = new Float32Array(256);
  const bitsOfValues = new Int32Array(values.buffer);
  const words = new Int32Array(256 * channelBand);
  let sum = 0;
  for (let first = 0; first < channels; first += channelBand) {
    const band = Math.min(channelBand, channels - first);
    for (let c = 0; c < band; c++) {
      fillWords(words, c * 256, 255, sign, zeroAt((first + c) * 8), scaleAt(first + c), values, bitsOfValues);
    }
    sum = (sum + sumBand(codes, first, band, outer, channels, words)) | 0;
  }
  return sum;
}

function sumBand(
  codes: Uint8Array,
  first: number,
  band: number,
  rows: number,
  channels: number,
  words: Int32Array,
): number {
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const at = row * channels + first;
    let odd = (2 * at + 1) | 0;
    for (let c = 0; c < band; c++) {
      sum = (sum + Math.imul(words[c * 256 + (codes[at + c] ?? 0)] ?? 0, odd)) | 0;
      odd = (odd + 2) | 0;
    }
  }
  return sum;
}

const smallestNormal = 2 ** -126;

/**
 * Scales and zero points of all groups of rows of blocks; undefined where a product may be -0: of a scale that is
 * negative, or so small that codes times it vanish.
 */
function listGroups(
  packed: PackedAffine,
  g: BlockedGeometry,
): { readonly scales: Float32Array; readonly zeros: Int32Array } | undefined {
  const scaleAt = scaleReader(packed);
  const zeroAt = zeroReader(packed);
  const blocks = blocksPerRow(g);
  const rows = g.outer * g.inner;
  const rowBits = Math.ceil((blocks * packed.bits) / 8) * 8;
  const scales = new Float32Array(rows * blocks);
  const zeros = new Int32Array(rows * blocks);
  for (let row = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++) {
      const group = row * blocks + b;
      const scale = scaleAt(group);
      if (!(scale >= smallestNormal)) return undefined;
      scales[group] = scale;
      zeros[group] = zeroAt(row * rowBits + b * packed.bits);
    }
  }
  return { scales, zeros };
}

/** 4-bit codes in rows of blocks of whole bytes: a table of 16 values a block. */
function sumNibbleRows(
  codes: Uint8Array,
  g: BlockedGeometry,
  sign: number,
  scales: Float32Array,
  zeros: Int32Array,
): number {
  const values = new Float32Array(16);
  const words = new Int32Array(values.buffer);
  const blocks = blocksPerRow(g);
  const [blockSize, dim, inner] = [g.blockSize, g.dim, g.inner];
  const twoSteps = (2 * inner) | 0;
  let sum = 0;
  for (let row = 0; row < g.outer * inner; row++) {
    const o = Math.floor(row / inner);
    for (let b = 0; b < blocks; b++) {
      const group = row * blocks + b;
      const scale = scales[group] ?? 0;
      const zero = zeros[group] ?? 0;
      for (let field = 0; field < 16; field++) values[field] = ((field ^ sign) - sign - zero) * scale;
      const first = b * blockSize;
      const count = Math.min(blockSize, dim - first);
      const from = (row * blocks * blockSize + first) >>> 1;
      const pairs = from + (count >>> 1);
      let odd = (2 * ((o * dim + first) * inner + (row - o * inner)) + 1) | 0;
      for (let at = from; at < pairs; at++) {
        const pair = codes[at] ?? 0;
        sum = (sum + Math.imul(words[pair & 15] ?? 0, odd)) | 0;
        odd = (odd + twoSteps) | 0;
        sum = (sum + Math.imul(words[pair >> 4] ?? 0, odd)) | 0;
        odd = (odd + twoSteps) | 0;
      }
      if (count % 2 === 1) sum = (sum + Math.imul(words[(codes[pairs] ?? 0) & 15] ?? 0, odd)) | 0;
    }
  }
  return sum;
}

/** Decodes one code after another; `values` and `words` are the same memory. */
function sumDecoded(
  codes: Uint8Array,
  bits: number,
  { position, step, element, stride, count }: Run,
  values: Float32Array,
  words: Int32Array,
  sign: number,
  zero: number,
  scale: number,
): number {
  const mask = (1 << bits) - 1;
  let sum = 0;
  let bit = Math.imul(position, bits);
  let odd = (2 * element + 1) | 0;
  for (let k = 0; k < count; k++) {
    const field = ((codes[bit >>> 3] ?? 0) >> (bit & 7)) & mask;
    values[0] = ((field ^ sign) - sign - zero) * scale;
    const word = words[0] ?? 0;
    sum = (sum + Math.imul(word === minusZero ? 0 : word, odd)) | 0;
    bit = (bit + step * bits) | 0;
    odd = (odd + 2 * stride) | 0;
  }
  return sum;
}

/** Looks the bits of each code's value up. */
function sumFields(
  codes: Uint8Array,
  bits: number,
  { position, step, element, stride, count }: Run,
  words: Int32Array,
): number {
  const mask = (1 << bits) - 1;
  let sum = 0;
  let bit = Math.imul(position, bits);
  let odd = (2 * element + 1) | 0;
  for (let k = 0; k < count; k++) {
    const field = ((codes[bit >>> 3] ?? 0) >> (bit & 7)) & mask;
    sum = (sum + Math.imul(words[field] ?? 0, odd)) | 0;
    bit = (bit + step * bits) | 0;
    odd = (odd + 2 * stride) | 0;
  }
  return sum;
}

/** The same for pairs of 4-bit codes in whole bytes. */
function sumNibbles(codes: Uint8Array, { position, element, stride, count }: Run, words: Int32Array): number {
  let sum = 0;
  let odd = (2 * element + 1) | 0;
  const first = position >>> 1;
  for (let at = first; at < first + (count >>> 1); at++) {
    const pair = codes[at] ?? 0;
    sum = (sum + Math.imul(words[pair & 15] ?? 0, odd)) | 0;
    odd = (odd + 2 * stride) | 0;
    sum = (sum + Math.imul(words[pair >> 4] ?? 0, odd)) | 0;
    odd = (odd + 2 * stride) | 0;
  }
  return sum;
}

function forEachRun({ geometry: g, layout, bits }: PackedAffine, visit: (run: Run) => void): void {
  const run: Run = { group: 0, zeroBit: 0, position: 0, step: 1, element: 0, stride: 1, count: 0 };
  if (g.kind === "wide" && g.inner < g.outer) {
    // Short runs along inner: across the rows instead, one visit for many elements.
    run.count = g.outer;
    run.step = run.stride = g.channels * g.inner;
    for (run.group = 0; run.group < g.channels; run.group++) {
      run.zeroBit = run.group * bits;
      for (let i = 0; i < g.inner; i++) {
        run.element = run.position = run.group * g.inner + i;
        visit(run);
      }
    }
    return;
  }
  if (g.kind === "wide") {
    run.count = g.inner;
    for (let o = 0; o < g.outer; o++) {
      for (run.group = 0; run.group < g.channels; run.group++) {
        run.element = run.position = (o * g.channels + run.group) * g.inner;
        run.zeroBit = run.group * bits;
        visit(run);
      }
    }
    return;
  }
  const blocks = blocksPerRow(g);
  run.stride = g.inner;
  run.step = layout === "rows" ? 1 : g.inner;
  const rowBits = Math.ceil((blocks * bits) / 8) * 8;
  for (let o = 0; o < g.outer; o++) {
    for (let i = 0; i < g.inner; i++) {
      const row = o * g.inner + i;
      for (let b = 0; b < blocks; b++) {
        const first = b * g.blockSize;
        run.count = Math.min(g.blockSize, g.dim - first);
        run.element = (o * g.dim + first) * g.inner + i;
        run.position = layout === "rows" ? row * blocks * g.blockSize + first : run.element;
        run.group = layout === "rows" ? row * blocks + b : (o * blocks + b) * g.inner + i;
        run.zeroBit = layout === "rows" ? row * rowBits + b * bits : run.group * bits;
        visit(run);
      }
    }
  }
}

function scaleReader({ scales, halfScales }: PackedAffine): (group: number) => number {
  const view = new DataView(scales.buffer, scales.byteOffset, scales.byteLength);
  if (halfScales) return (group) => decodeHalf(view.getUint16(group * 2, true));
  return (group) => view.getFloat32(group * 4, true);
}

function zeroReader({ bits, signed, zeroPoints }: PackedAffine): (bit: number) => number {
  const sign = signed ? 1 << (bits - 1) : 0;
  if (!zeroPoints) {
    const middle = signed ? 0 : 1 << (bits - 1);
    return () => middle;
  }
  const mask = (1 << bits) - 1;
  return (bit) => ((((zeroPoints[bit >>> 3] ?? 0) >> (bit & 7)) & mask) ^ sign) - sign;
}
