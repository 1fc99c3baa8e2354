// Cases of nn/gather-blocks: every width of codes, blocks along any axis, both forms of zero points, odd indices.
import { gatherBlocksReference } from "../../../src/kernels/nn/gather-blocks.ref.ts";
import {
  gatherBlocksCall,
  gatherBlocksSpec,
  type BlockedAxis,
  type GatherBlocksRule,
} from "../../../src/kernels/nn/gather-blocks.ts";
import type { GatherShape } from "../../../src/kernels/nn/gather.ts";
import { bytesOf, padded, weights } from "../../support/float-data.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

const bytes = (count: number, step: number): Uint8Array =>
  padded(Uint8Array.from({ length: count }, (_, i) => (i * step + (i >> 3)) & 255));

function caseOf(
  shape: GatherShape,
  blocked: BlockedAxis,
  rule: GatherBlocksRule,
  given?: readonly number[],
  overrides = {},
): KernelCase {
  const { outer, axis, inner, picks } = shape;
  const indices = Int32Array.from(
    given ?? Array.from({ length: picks }, (_, i) => ((i * 7) % axis) - (i % 2 === 0 ? 0 : axis)),
  );
  const size = outer * axis * inner;
  const blocks = Math.ceil(blocked.dim / blocked.blockSize);
  const scales = (size / blocked.dim) * blocks;
  const zeroBytes = (scales / blocks) * Math.ceil((blocks * rule.bits) / 8);
  const { bits, signed, zeroPoints = "none" } = rule;
  return {
    name: `${picks} of [${outer}, ${axis}, ${inner}], ${bits} bits${signed ? " signed" : ""}, blocks of ${blocked.blockSize} in ${blocked.dim}, zeros ${zeroPoints}${given ? `, at ${given.join()}` : ""}`,
    call: gatherBlocksCall(shape, blocked, rule, overrides),
    buffers: [
      bytes(Math.ceil((size * bits) / 8), 0x53),
      new Uint8Array(indices.buffer),
      bytesOf(weights(scales)),
      bytes(zeroBytes, 0x35),
      4 * outer * picks * inner,
    ],
  };
}

const rows = { outer: 1, axis: 9, picks: 5, inner: 96 };

export const room: KernelRoom = {
  spec: gatherBlocksSpec,
  reference: gatherBlocksReference,
  cases: [
    caseOf(
      { outer: 1, axis: 1, picks: 1, inner: 16 },
      { dim: 16, inner: 1, blockSize: 16 },
      { bits: 4, signed: false, zero: 8 },
    ),
    ...([2, 4, 8] as const).flatMap((bits) => [
      caseOf(rows, { dim: 96, inner: 1, blockSize: 32 }, { bits, signed: false, zero: 2 ** (bits - 1) }),
      caseOf(rows, { dim: 96, inner: 1, blockSize: 32 }, { bits, signed: false, zero: 0, zeroPoints: "byte-rows" }),
      caseOf(rows, { dim: 96, inner: 1, blockSize: 32 }, { bits, signed: true, zero: 0, zeroPoints: "flat" }),
    ]),
    // Blocks along the gathered axis, and along one behind which others lie; the last block is short.
    caseOf(
      { outer: 1, axis: 40, picks: 7, inner: 6 },
      { dim: 40, inner: 6, blockSize: 16 },
      { bits: 4, signed: true, zero: 0 },
    ),
    caseOf(
      { outer: 3, axis: 5, picks: 4, inner: 33 * 2 },
      { dim: 33, inner: 2, blockSize: 16 },
      { bits: 4, signed: false, zero: 0, zeroPoints: "flat" },
    ),
    caseOf(
      { outer: 4, axis: 32, picks: 3, inner: 2 },
      { dim: 4, inner: 64, blockSize: 2 },
      { bits: 8, signed: true, zero: 0 },
    ),
    caseOf(
      { outer: 2, axis: 3, picks: 6, inner: 16 },
      { dim: 16, inner: 1, blockSize: 16 },
      { bits: 4, signed: false, zero: 8 },
      [0, -1, -3, 3, -4, 2],
    ),
    caseOf(
      { outer: 1, axis: 300, picks: 70_001, inner: 1 },
      { dim: 300, inner: 1, blockSize: 300 },
      { bits: 8, signed: true, zero: 0 },
      undefined,
      { wg: 1, each: 1 },
    ),
  ],
};
