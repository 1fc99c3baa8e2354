// The fingerprint of affine codes as a reader of the file decodes them, group by group, without holding the
// decoded values: the proof of a large model spends its time here. Written from the formats' definitions, like the
// references it must agree with; shares nothing with the kernels that packed the codes.
import { decodeHalf } from "../base/half.ts";
import { blocksPerRow, type CodeLayout, type Geometry } from "../kernels/quantize/geometry.ts";

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
  const values = new Float32Array(mask + 1);
  const words = new Int32Array(values.buffer);
  const scaleAt = scaleReader(packed);
  const zeroAt = zeroReader(packed);
  let sum = 0;
  forEachRun(packed, ({ group, position, step, element, stride, count }) => {
    const scale = scaleAt(group);
    const zero = zeroAt(group);
    if (count > mask) {
      // One product for each code there is.
      for (let field = 0; field <= mask; field++) {
        values[field] = ((field ^ sign) - sign - zero) * scale;
        if (words[field] === -0x80000000) words[field] = 0;
      }
      for (let k = 0, at = position, odd = 2 * element + 1; k < count; k++, at += step, odd += 2 * stride) {
        const bit = at * bits;
        const field = ((codes[bit >>> 3] ?? 0) >> (bit & 7)) & mask;
        sum = (sum + Math.imul(words[field] ?? 0, odd)) | 0;
      }
      return;
    }
    for (let k = 0, at = position, odd = 2 * element + 1; k < count; k++, at += step, odd += 2 * stride) {
      const bit = at * bits;
      const field = ((codes[bit >>> 3] ?? 0) >> (bit & 7)) & mask;
      values[0] = ((field ^ sign) - sign - zero) * scale;
      const word = words[0] ?? 0;
      sum = (sum + Math.imul(word === -0x80000000 ? 0 : word, odd)) | 0;
    }
  });
  return sum >>> 0;
}

function forEachRun({ geometry: g, layout }: PackedAffine, visit: (run: Run) => void): void {
  const run: Run = { group: 0, position: 0, step: 1, element: 0, stride: 1, count: 0 };
  if (g.kind === "wide") {
    run.count = g.inner;
    for (let o = 0; o < g.outer; o++) {
      for (run.group = 0; run.group < g.channels; run.group++) {
        run.element = run.position = (o * g.channels + run.group) * g.inner;
        visit(run);
      }
    }
    return;
  }
  const blocks = blocksPerRow(g);
  run.stride = g.inner;
  run.step = layout === "rows" ? 1 : g.inner;
  for (let o = 0; o < g.outer; o++) {
    for (let i = 0; i < g.inner; i++) {
      const row = o * g.inner + i;
      for (let b = 0; b < blocks; b++) {
        const first = b * g.blockSize;
        run.count = Math.min(g.blockSize, g.dim - first);
        run.element = (o * g.dim + first) * g.inner + i;
        run.position = layout === "rows" ? row * blocks * g.blockSize + first : run.element;
        run.group = layout === "rows" ? row * blocks + b : (o * blocks + b) * g.inner + i;
        visit(run);
      }
    }
  }
}

function scaleReader({ scales, halfScales }: PackedAffine): (group: number) => number {
  const view = new DataView(scales.buffer, scales.byteOffset, scales.byteLength);
  return halfScales
    ? (group) => decodeHalf(view.getUint16(group * 2, true))
    : (group) => view.getFloat32(group * 4, true);
}

function zeroReader({ geometry, layout, bits, signed, zeroPoints }: PackedAffine): (group: number) => number {
  if (!zeroPoints) {
    const middle = signed ? 0 : 2 ** (bits - 1);
    return () => middle;
  }
  const read = (bit: number): number => {
    const field = ((zeroPoints[bit >>> 3] ?? 0) >> (bit & 7)) & (2 ** bits - 1);
    return signed && field >= 2 ** (bits - 1) ? field - 2 ** bits : field;
  };
  if (geometry.kind === "wide" || layout !== "rows") return (group) => read(group * bits);
  const blocks = blocksPerRow(geometry);
  const rowBits = Math.ceil((blocks * bits) / 8) * 8;
  return (group) => {
    const row = Math.floor(group / blocks);
    return read(row * rowBits + (group - row * blocks) * bits);
  };
}
