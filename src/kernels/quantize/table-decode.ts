// Room quantize/table-decode: NF4 or FP4 codes under absmax to f32.
import tableDecodeWgsl from "../../../shaders/quantize/table-decode.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { tableNumber, type TableName } from "./tables.ts";

const defaults = { wg: 64 };

export const tableDecodeSpec: KernelSpec = {
  id: "quantize/table-decode",
  params: [
    ["count", "u32"],
    ["block_size", "u32"],
    ["table", "u32"],
  ],
  bindings: [
    { name: "codes", access: "read" },
    { name: "absmax", access: "read" },
    { name: "decoded", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: tableDecodeWgsl }],
  tolerance: "exact",
};

/** Decodes `count` codes; buffers: codes ceil(count / 2) bytes padded to 4, absmax f32, decoded 4 * count bytes. */
export function tableDecodeCall(
  table: TableName,
  count: number,
  blockSize: number,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  return {
    kernel: tableDecodeSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { count, block_size: blockSize, table: tableNumber(table) },
    workgroups: Math.ceil(Math.ceil(count / 8) / wg),
    cost: { bytes: count * 4.5 + (count / blockSize) * 4, ops: count * 6 },
  };
}
