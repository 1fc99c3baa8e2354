// Sources, shapes and small tools shared by the case tables of the float and very-low-bit encodings.
import type { KernelCall, KernelReference } from "../../../src/kernels/kernel.ts";
import { elementsOf, type CodeLayout, type Geometry } from "../../../src/kernels/quantize/geometry.ts";
import type { KernelCase } from "../../support/kernel-harness.ts";

export interface ShapedCase {
  readonly name: string;
  readonly geometry: Geometry;
  readonly layout: CodeLayout;
  readonly source: Uint8Array;
}

export const bytesOf = (values: ArrayLike<number>): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

/** Deterministic numbers in [0, 1). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

/** Bell-shaped numbers with a few large ones, as weights are. */
export function weights(count: number, seed = 1): Float32Array {
  const next = uniform(seed);
  return Float32Array.from({ length: count }, () => {
    const bell = next() + next() + next() + next() - 2;
    return next() < 0.01 ? bell * 9 : bell * 0.07;
  });
}

const oddBits = [
  0x7fc00000, 0xffc12345, 0x7f800000, 0xff800000, 1, 0x80000001, 0x007fffff, 0x807fffff, 0x80000000, 0x00800000,
];

/** Weights with NaN, infinities, subnormals and zeros of both signs sprinkled in. */
function oddities(count: number): Float32Array {
  const values = weights(count, 7);
  const bits = new Uint32Array(values.buffer);
  for (const [k, word] of oddBits.entries()) bits[(k * 37 + 3) % count] = word;
  return values;
}

/** Everything from the smallest subnormal to the largest number, both signs. */
function wildRange(count: number): Float32Array {
  const next = uniform(11);
  const bits = Uint32Array.from({ length: count }, () => {
    const word = Math.floor(next() * 2 ** 16) * 2 ** 16 + Math.floor(next() * 2 ** 16);
    return (word & 0x7f800000) === 0x7f800000 ? word & 0xbfffffff : word;
  });
  return new Float32Array(bits.buffer);
}

const blocked = (outer: number, dim: number, inner: number, blockSize: number): Geometry => ({
  kind: "blocked",
  outer,
  dim,
  inner,
  blockSize,
});
const wide = (outer: number, channels: number, inner: number): Geometry => ({ kind: "wide", outer, channels, inner });

function shaped(name: string, geometry: Geometry, layout: CodeLayout, values?: ArrayLike<number>): ShapedCase {
  return { name, geometry, layout, source: bytesOf(values ?? weights(elementsOf(geometry))) };
}

/** Blocked shapes and hostile values for one block size. */
export function blockedCases(block: number): ShapedCase[] {
  const matrix = blocked(1, 5 * block, 12, block);
  const count = elementsOf(matrix);
  const outlier = weights(count);
  outlier[17] = 1e4;
  return [
    shaped("one element", blocked(1, 1, 1, block), "rows", [-0.3]),
    shaped("one element, natural", blocked(1, 1, 1, block), "natural", [0.7]),
    shaped("rank 1, ragged", blocked(1, 3 * block + 5, 1, block), "natural"),
    shaped("rank 1, ragged, rows", blocked(1, 3 * block + 5, 1, block), "rows"),
    shaped("rows of [N, K]", blocked(9, 4 * block, 1, block), "rows"),
    shaped("rows of [N, K], K ragged", blocked(9, 2 * block + 7, 1, block), "rows"),
    shaped("natural [N, K], K ragged", blocked(9, 2 * block + 7, 1, block), "natural"),
    shaped("rows of [K, N]", matrix, "rows"),
    shaped("natural [K, N]", matrix, "natural"),
    shaped("natural [K, N], both ragged", blocked(1, 2 * block + 3, 7, block), "natural"),
    shaped("rows, batched and ragged", blocked(3, block + 1, 5, block), "rows"),
    shaped("natural, batched and ragged", blocked(3, block + 1, 5, block), "natural"),
    shaped("many workgroups", blocked(70, 3 * block, 16, block), "rows"),
    shaped("all zero", matrix, "rows", new Float32Array(count)),
    shaped("all equal", matrix, "natural", new Float32Array(count).fill(-0.37)),
    shaped("one outlier", matrix, "rows", outlier),
    shaped(
      "negative only",
      matrix,
      "rows",
      weights(count).map((x) => -Math.abs(x)),
    ),
    shaped("NaN, infinity, subnormals", matrix, "rows", oddities(count)),
    shaped("the whole range of f32", matrix, "natural", wildRange(count)),
  ];
}

/** Wide shapes: per tensor and per channel on either side. */
export function wideCases(): ShapedCase[] {
  const outlier = weights(700);
  outlier[3] = -3e5;
  return [
    shaped("tensor of one element", wide(1, 1, 1), "natural", [-2]),
    shaped("per tensor", wide(1, 1, 1000), "natural"),
    shaped("per tensor, many segments", wide(1, 1, 70_001), "natural"),
    shaped("channels first", wide(1, 13, 301), "natural"),
    shaped("channels last", wide(301, 13, 1), "natural"),
    shaped("channels between", wide(5, 7, 11), "natural"),
    shaped("channels between, many segments", wide(40, 3, 70), "natural"),
    shaped("all zero channels", wide(1, 7, 100), "natural", new Float32Array(700)),
    shaped("all equal channels", wide(1, 7, 100), "natural", new Float32Array(700).fill(0.1)),
    shaped("one outlier channel", wide(1, 7, 100), "natural", outlier),
    shaped(
      "negative only channels",
      wide(100, 7, 1),
      "natural",
      weights(700).map((x) => -Math.abs(x)),
    ),
    shaped("NaN, infinity, subnormals in channels", wide(1, 7, 100), "natural", oddities(700)),
    shaped("the whole range of f32 in channels", wide(70, 5, 2), "natural", wildRange(700)),
  ];
}

/** Channels last, a multiple of `multiple` of them: rows on both sides of a thread's share, odd values. */
export function lastChannelCases(multiple: number): ShapedCase[] {
  return [
    shaped(`one row of ${multiple} channels`, wide(1, multiple, 1), "natural"),
    shaped(`31 rows of ${3 * multiple} channels`, wide(31, 3 * multiple, 1), "natural"),
    shaped(
      `97 rows of ${5 * multiple} channels, odd values`,
      wide(97, 5 * multiple, 1),
      "natural",
      oddities(485 * multiple),
    ),
    shaped(`300 rows of ${20 * multiple} channels`, wide(300, 20 * multiple, 1), "natural"),
  ];
}

/** What a call writes, by its reference; `at` names the output binding. */
export function computed(
  call: KernelCall,
  reference: KernelReference,
  buffers: readonly (Uint8Array | number)[],
  at: number,
): Uint8Array {
  const bytes = buffers.map((b) => (typeof b === "number" ? new Uint8Array(b) : b.slice()));
  reference(call.params, bytes);
  return bytes[at] ?? new Uint8Array();
}

/** The same work in workgroups of one thread: with enough threads, more workgroups than one dimension holds. */
export function oneThreadEach(kernelCase: KernelCase & { call: KernelCall }, threads: number): KernelCase {
  const { name, call, buffers } = kernelCase;
  return {
    name: `${name}, ${threads} workgroups`,
    // In the variant of the call alone: others share the work out in other ways.
    call: () => ({ ...call, overrides: { wg: 1 }, workgroups: threads }),
    buffers,
  };
}

/** Packed little-endian codes that count up, `bits` wide each, in whole words. */
export function allCodes(count: number, bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((count * bits) / 32) * 4);
  for (let position = 0; position < count; position++) {
    for (let k = 0; k < bits; k++) {
      const bit = position * bits + k;
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (((position >> k) & 1) << (bit & 7));
    }
  }
  return bytes;
}

export const wordsFor = (bytes: number): number => Math.ceil(bytes / 4) * 4;
