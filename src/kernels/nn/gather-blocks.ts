// Room nn/gather-blocks: slices of a tensor of packed codes by index, decoded, as GatherBlockQuantized and embeddings.
import { UnsupportedError } from "../../base/errors.ts";
import gatherBlocksWgsl from "../../../shaders/nn/gather-blocks.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import type { AffineRule } from "../quantize/affine-rule.ts";
import type { GatherShape } from "./gather.ts";

const defaults = { wg: 64, each: 4, bits: 4, is_signed: 0, packed_zeros: 0 };

export const gatherBlocksSpec: KernelSpec = {
  id: "nn/gather-blocks",
  params: [
    ["count", "u32"],
    ["axis", "u32"],
    ["picks", "u32"],
    ["inner", "u32"],
    ["dim", "u32"],
    ["dim_inner", "u32"],
    ["block", "u32"],
    ["blocks", "u32"],
    ["zero_row", "u32"],
    ["zero", "i32"],
  ],
  bindings: [
    { name: "codes", access: "read" },
    { name: "indices", access: "read" },
    { name: "scales", access: "read" },
    { name: "zero_points", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: gatherBlocksWgsl }],
  tolerance: "exact",
};

/** The axis along which `blockSize` neighbours share a scale: its size, and the elements after it. */
export interface BlockedAxis {
  readonly dim: number;
  readonly inner: number;
  readonly blockSize: number;
}

export interface GatherBlocksRule extends Pick<AffineRule, "bits" | "signed"> {
  /** Holds for all blocks where there are no zero points. */
  readonly zero: number;
  /** `flat`: packed without gaps. `byte-rows`: the zero points of each row of blocks start on a byte. */
  readonly zeroPoints?: "flat" | "byte-rows";
}

/**
 * Buffers: codes, packed without gaps in the order of [outer, axis, inner]; indices, i32 [picks]; scales, f32, one a
 * block, in that order; zero_points, packed codes or any 4 bytes; y, f32 [outer, picks, inner].
 * @throws UnsupportedError for 2^32 codes or more
 */
export function gatherBlocksCall(
  { outer, axis, inner, picks }: GatherShape,
  blocked: BlockedAxis,
  { bits, signed, zero, zeroPoints }: GatherBlocksRule,
  overrides: Partial<Pick<typeof defaults, "wg" | "each">> = {},
): KernelCall {
  const { wg, each } = { ...defaults, ...overrides };
  const count = outer * picks * inner;
  if (Math.max(count, outer * axis * inner) >= 2 ** 32) {
    throw new UnsupportedError(`Slices of [${outer}, ${axis}, ${inner}] codes are too large for one dispatch.`, {
      hint: "Cut the table, or pick fewer slices at a time.",
      details: { outer, axis, inner, picks },
    });
  }
  const blocks = Math.ceil(blocked.dim / blocked.blockSize);
  const perByte = 8 / bits;
  return {
    kernel: gatherBlocksSpec.id,
    variant: "portable",
    overrides: { wg, each, bits, is_signed: signed ? 1 : 0, packed_zeros: zeroPoints ? 1 : 0 },
    params: {
      count,
      axis,
      picks,
      inner,
      dim: blocked.dim,
      dim_inner: blocked.inner,
      block: blocked.blockSize,
      blocks,
      zero_row: zeroPoints === "byte-rows" ? Math.ceil(blocks / perByte) * perByte : blocks,
      zero,
    },
    workgroups: Math.ceil(count / (wg * each)),
    cost: { bytes: 8 * count + (count * bits) / 8, ops: 25 * count },
  };
}
