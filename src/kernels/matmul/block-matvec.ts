// Room matmul/block-matvec: activations times packed block weights, y = x W^T, as MatMulNBits does it.
import { UnsupportedError } from "../../base/errors.ts";
import blockMatvecWgsl from "../../../shaders/matmul/block-matvec.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { middleCode, type AffineRule } from "../quantize/affine-rule.ts";

const defaults = { wg: 64, split: 1, tile: 4 };

export const blockMatvecSpec: KernelSpec = {
  id: "matmul/block-matvec",
  params: [
    ["rows", "u32"],
    ["cols", "u32"],
    ["batch", "u32"],
    ["block", "u32"],
    ["blocks", "u32"],
    ["bits", "u32"],
    ["is_signed", "u32"],
    ["packed_zeros", "u32"],
    ["zero", "i32"],
  ],
  bindings: [
    { name: "codes", access: "read" },
    { name: "scales", access: "read" },
    { name: "zero_points", access: "read" },
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: blockMatvecWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface BlockMatvecShape {
  /** Outputs: rows of the weight. */
  readonly rows: number;
  /** Inputs: columns of the weight, before padding to whole blocks. */
  readonly cols: number;
  /** Columns that share a scale: a power of two, at least 16. */
  readonly blockSize: number;
  /** Input vectors. */
  readonly batch: number;
}

/** Threads that share one row: all of a workgroup's worth for one vector, one where many vectors share a word. */
function splitFor({ cols, batch }: BlockMatvecShape, bits: number): number {
  return batch >= 4 || (cols * bits) / 32 < 32 ? 1 : 16;
}

/**
 * Buffers: codes in the rows layout of [rows, cols]; scales, f32 [rows, blocks]; zero_points, as
 * pack-zero-points writes them where the scheme is asymmetric, else any 4 bytes; x, f32 [batch, cols];
 * y, f32 [batch, rows].
 * @throws UnsupportedError for blocks that are not a power of two from 16 on, and for 2^29 codes or more
 */
export function blockMatvecCall(
  shape: BlockMatvecShape,
  rule: Pick<AffineRule, "bits" | "signed" | "scheme">,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { rows, cols, blockSize, batch } = shape;
  if (blockSize < 16 || !Number.isInteger(Math.log2(blockSize))) {
    throw new UnsupportedError(`Blocks of ${blockSize} do not fill whole words.`, {
      hint: "Use a block size of 16, 32, 64, 128 or 256.",
      details: { blockSize },
    });
  }
  const blocks = Math.ceil(cols / blockSize);
  const codes = rows * blocks * blockSize;
  if (codes >= 2 ** 29 || batch * Math.max(rows, cols) >= 2 ** 30) {
    throw new UnsupportedError(
      `A product of [${batch}, ${cols}] and [${rows}, ${cols}] is too large for one dispatch.`,
      {
        hint: "Cut the weight by rows, or the input by vectors.",
        details: { rows, cols, batch },
      },
    );
  }
  const tile = overrides.tile ?? (batch >= 4 ? 4 : 1);
  const { wg, split } = { ...defaults, split: splitFor(shape, rule.bits), ...overrides };
  return {
    kernel: blockMatvecSpec.id,
    variant: "portable",
    overrides: { wg, split, tile },
    params: {
      rows,
      cols,
      batch,
      block: blockSize,
      blocks,
      bits: rule.bits,
      is_signed: rule.signed ? 1 : 0,
      packed_zeros: rule.scheme === "asymmetric" ? 1 : 0,
      zero: middleCode(rule),
    },
    workgroups: Math.ceil((rows * Math.ceil(batch / tile) * split) / wg),
    cost: { bytes: (codes * rule.bits) / 8 + 4 * batch * (rows + cols), ops: 2 * batch * rows * cols },
  };
}
