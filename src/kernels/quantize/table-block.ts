// Room quantize/table-block: f32 to NF4 or FP4 codes and absmax, in blocks over the flat tensor.
import tableBlockWgsl from "../../../shaders/quantize/table-block.wgsl";
import { UsageError } from "../../base/errors.ts";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { tableNumber, type TableName } from "./tables.ts";

const defaults = { wg: 64 };

export const tableBlockSpec: KernelSpec = {
  id: "quantize/table-block",
  params: [
    ["count", "u32"],
    ["block_size", "u32"],
    ["table", "u32"],
  ],
  bindings: [
    { name: "source", access: "read" },
    { name: "codes", access: "read_write" },
    { name: "absmax", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: tableBlockWgsl }],
  tolerance: "exact",
};

/** Sizes of what an encoding of `count` elements leaves, in bytes; buffers are padded to 4. */
export function tableBytes(count: number, blockSize: number): { readonly codes: number; readonly absmax: number } {
  return { codes: Math.ceil(count / 2), absmax: Math.ceil(count / blockSize) * 4 };
}

/** @throws UsageError unless the block size is a power of two from 16 to 4096 */
export function checkTableBlock(blockSize: number): void {
  if (Number.isInteger(Math.log2(blockSize)) && blockSize >= 16 && blockSize <= 4096) return;
  throw new UsageError(`NF4 and FP4 can't use blocks of ${blockSize}.`, {
    hint: "Choose a power of two from 16 to 4096; 64 is usual.",
    details: { blockSize },
  });
}

/**
 * Encodes `count` f32. Buffers: source 4 * count bytes; codes, tableBytes().codes padded to 4; absmax, f32.
 * @throws UsageError for a block size outside the range
 */
export function tableBlockCall(
  table: TableName,
  count: number,
  blockSize: number,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  checkTableBlock(blockSize);
  const { wg } = { ...defaults, ...overrides };
  const blocks = Math.ceil(count / blockSize);
  return {
    kernel: tableBlockSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { count, block_size: blockSize, table: tableNumber(table) },
    workgroups: Math.ceil(blocks / wg),
    cost: { bytes: count * 4.5 + blocks * 4, ops: count * 40 },
  };
}
