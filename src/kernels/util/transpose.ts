// Room util/transpose: a [rows, cols] matrix of 4-byte words into [cols, rows].
import transposeWgsl from "../../../shaders/util/transpose.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 64 };
/** Side of the tile that one thread moves; the shader's constant. */
const side = 8;

export const transposeSpec: KernelSpec = {
  id: "util/transpose",
  params: [
    ["rows", "u32"],
    ["cols", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "target_words", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: transposeWgsl }],
  tolerance: "exact",
};

/** Transposes rows x cols words; both buffers hold 4 * rows * cols bytes and are not the same. */
export function transposeCall(rows: number, cols: number, overrides: Partial<typeof defaults> = {}): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  return {
    kernel: transposeSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { rows, cols },
    workgroups: Math.ceil((Math.ceil(rows / side) * Math.ceil(cols / side)) / wg),
    cost: { bytes: rows * cols * 8, ops: rows * cols * 4 },
  };
}
