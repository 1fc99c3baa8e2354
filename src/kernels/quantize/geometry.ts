// How a tensor falls into groups that share a scale. Two shapes cover every granularity:
//
// blocked  a tensor [outer, dim, inner] cut along `dim` into blocks of `blockSize` (the last may be
//          short); group (o, b, i) = (o * blocks + b) * inner + i, its elements lie `inner` apart.
// wide     a tensor [outer, channels, inner]; group c holds all (o, c, i). One channel = per tensor.
//
// Blocked is for blocks of at most 1024 elements, one thread each; wide groups are reduced in segments.

export interface BlockedGeometry {
  readonly kind: "blocked";
  readonly outer: number;
  readonly dim: number;
  readonly inner: number;
  readonly blockSize: number;
}

export interface WideGeometry {
  readonly kind: "wide";
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export type Geometry = BlockedGeometry | WideGeometry;

/**
 * How codes lie in the output.
 * natural  the order of the source elements, packed without gaps (ONNX tensors, bitsandbytes)
 * rows     [outer * inner rows, blocks * blockSize], each row's blocks end to end and the short last
 *          block padded with the zero point's code (MatMulNBits); only for blocked geometry
 */
export type CodeLayout = "natural" | "rows";

export const blocksPerRow = (g: BlockedGeometry): number => Math.ceil(g.dim / g.blockSize);

export function groupCount(g: Geometry): number {
  return g.kind === "wide" ? g.channels : g.outer * blocksPerRow(g) * g.inner;
}

export function elementsOf(g: Geometry): number {
  return g.kind === "wide" ? g.outer * g.channels * g.inner : g.outer * g.dim * g.inner;
}

/** Codes in the output, padding included. */
export function codeCount(g: Geometry, layout: CodeLayout): number {
  if (layout === "natural" || g.kind === "wide") return elementsOf(g);
  return g.outer * g.inner * blocksPerRow(g) * g.blockSize;
}

/** Whether a geometry is one scale per channel with the channels last, `multiple` of them, at 8 bits: words of four. */
export const isColumns8 = (geometry: Geometry, bits: number, multiple: number): boolean =>
  bits === 8 && hasColumns(geometry, multiple);

/** Channels that lie last, a multiple of so many. */
export const hasColumns = (geometry: Geometry, multiple: number): boolean =>
  geometry.kind === "wide" && geometry.inner === 1 && geometry.channels % multiple === 0;
