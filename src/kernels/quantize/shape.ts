// The six numbers by which kernels for every granularity know a geometry and a code layout, and the
// plain enumeration of codes and groups that references use. Mirrors shaders/common/shape.wgsl.
import { UnsupportedError } from "../../base/errors.ts";
import type { ParamType } from "../kernel.ts";
import { blocksPerRow, codeCount, elementsOf, type CodeLayout, type Geometry } from "./geometry.ts";

/** First members of the params of every kernel that takes a shape. */
export const shapeParamList: readonly (readonly [name: string, type: ParamType])[] = [
  ["outer", "u32"],
  ["dim", "u32"],
  ["inner", "u32"],
  ["block", "u32"],
  ["blocks", "u32"],
  ["order", "u32"],
];

export interface ShapeParams {
  readonly outer: number;
  readonly dim: number;
  readonly inner: number;
  readonly block: number;
  readonly blocks: number;
  /** 0 natural, 1 rows, 2 wide. */
  readonly order: number;
}

/**
 * Shape params of a geometry in a code layout; wide geometry is always in natural order.
 * @throws UnsupportedError where an index in bits would pass 32 bits
 */
export function shapeParams(geometry: Geometry, layout: CodeLayout): ShapeParams & Record<string, number> {
  const count = Math.max(elementsOf(geometry), codeCount(geometry, layout));
  if (count >= 2 ** 29) {
    throw new UnsupportedError(`A piece of ${count} codes is too large for one dispatch.`, {
      hint: "Cut the tensor into pieces of fewer than 2^29 elements.",
    });
  }
  const { outer, inner } = geometry;
  if (geometry.kind === "wide") {
    return { outer, dim: geometry.channels, inner, block: 1, blocks: geometry.channels, order: 2 };
  }
  const { dim, blockSize: block } = geometry;
  return { outer, dim, inner, block, blocks: blocksPerRow(geometry), order: layout === "rows" ? 1 : 0 };
}

/** Reads the shape back from a call's params. */
export function shapeOf(params: Readonly<Record<string, number>>): ShapeParams {
  const { outer = 0, dim = 0, inner = 0, block = 1, blocks = 0, order = 0 } = params;
  return { outer, dim, inner, block, blocks, order };
}

export const groupsOf = (s: ShapeParams): number => (s.order === 2 ? s.dim : s.outer * s.blocks * s.inner);

export const codesOf = (s: ShapeParams): number => s.outer * s.inner * (s.order === 1 ? s.blocks * s.block : s.dim);

/** Calls back for each element with the position of its code and its group; padding has no call. */
export function forEachElement(
  s: ShapeParams,
  visit: (element: number, position: number, group: number) => void,
): void {
  let element = 0;
  for (let o = 0; o < s.outer; o++) {
    for (let d = 0; d < s.dim; d++) {
      const b = Math.floor(d / s.block);
      for (let i = 0; i < s.inner; i++, element++) {
        const row = o * s.inner + i;
        const position = s.order === 1 ? row * s.blocks * s.block + d : element;
        const blockedGroup = s.order === 1 ? row * s.blocks + b : (o * s.blocks + b) * s.inner + i;
        visit(element, position, s.order === 2 ? d : blockedGroup);
      }
    }
  }
}

/** Codes per thread of the encoders: 32 codes fill whole words whatever their width. */
export const codesPerThread = 32;

/** Bytes of packed codes, padded to whole words. */
export const packedBytes = (codes: number, bits: number): number => Math.ceil((codes * bits) / 32) * 4;

/** Writes a code of `bits` bits into a packed little-endian bit string that was zero there. */
export function putCode(bytes: Uint8Array, position: number, bits: number, code: number): void {
  for (let k = 0; k < bits; k++) {
    if (((code >> k) & 1) === 0) continue;
    const bit = position * bits + k;
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
}

/** Reads a code of `bits` bits from a packed little-endian bit string. */
export function getCode(bytes: Uint8Array, position: number, bits: number): number {
  let code = 0;
  for (let k = 0; k < bits; k++) {
    const bit = position * bits + k;
    code |= (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) << k;
  }
  return code;
}

/** How a group's elements are cut for reductions; partial results lie [groups, segments]. */
export interface Segmentation {
  readonly segments: number;
  readonly length: number;
}

/** Blocks stay whole; wide groups fall into at most 4096 segments of at least 256 elements. */
export function segmentsOf(geometry: Geometry): Segmentation {
  if (geometry.kind === "blocked") return { segments: 1, length: geometry.blockSize };
  const count = geometry.outer * geometry.inner;
  const length = Math.max(256, Math.ceil(count / 4096));
  return { segments: Math.max(1, Math.ceil(count / length)), length };
}

/** The same group data as one wide tensor [1, groups, segments], for folding partial results. */
export const partialsOf = (groups: number, segments: number): Geometry => ({
  kind: "wide",
  outer: 1,
  channels: groups,
  inner: segments,
});

export const asF32 = (bytes: Uint8Array | undefined): Float32Array =>
  bytes ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4) : new Float32Array();

export const asU32 = (bytes: Uint8Array | undefined): Uint32Array =>
  bytes ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4) : new Uint32Array();

/** As shaders count a source element: subnormals, NaN and infinity are 0. */
export const countedValue = (x: number): number => (Number.isFinite(x) && Math.abs(x) >= 2 ** -126 ? x : 0);
