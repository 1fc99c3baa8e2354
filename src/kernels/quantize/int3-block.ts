// Room quantize/int3-block: rows of f32 to codes of three bits around 4, 32 of them in three words.
import { UnsupportedError } from "../../base/errors.ts";
import int3BlockWgsl from "../../../shaders/quantize/int3-block.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 64 };

export const int3BlockSpec: KernelSpec = {
  id: "quantize/int3-block",
  params: [
    ["rows", "u32"],
    ["cols", "u32"],
    ["block", "u32"],
    ["blocks", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "codes", access: "read_write" },
    { name: "scales", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: int3BlockWgsl }],
  tolerance: "exact",
};

export interface Int3Shape {
  readonly rows: number;
  readonly cols: number;
  /** Columns that share a scale: a multiple of 32. */
  readonly blockSize: number;
}

/**
 * Buffers: source, f32 [rows, cols]; codes, rows of whole blocks, 12 bytes for 32 codes; scales, f32 [rows, blocks].
 * @throws UnsupportedError for blocks that are not a multiple of 32, and for 2^31 codes or more
 */
export function int3BlockCall(shape: Int3Shape, overrides: Partial<typeof defaults> = {}): KernelCall {
  const { rows, cols, blockSize } = shape;
  const { wg } = { ...defaults, ...overrides };
  const blocks = Math.ceil(cols / blockSize);
  if (blockSize < 32 || blockSize % 32 !== 0) {
    throw new UnsupportedError(`Blocks of ${blockSize} codes of three bits do not fill whole words.`, {
      hint: "Use a block size that 32 divides.",
      details: { blockSize },
    });
  }
  const codes = rows * blocks * blockSize;
  if (codes >= 2 ** 31) {
    throw new UnsupportedError(`A weight of ${codes} codes is too large for one dispatch.`, {
      hint: "Cut the weight by rows.",
      details: { rows, cols },
    });
  }
  return {
    kernel: int3BlockSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { rows, cols, block: blockSize, blocks },
    workgroups: Math.ceil((rows * blocks) / wg),
    cost: { bytes: rows * cols * 8 + (codes * 3) / 8 + rows * blocks * 4, ops: rows * cols * 16 },
  };
}
