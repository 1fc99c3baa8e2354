// Room quantize/pack-zero-points: i32 zero points to the packed bits that files hold.
import packZeroPointsWgsl from "../../../shaders/quantize/pack-zero-points.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { blocksPerRow, groupCount, type CodeLayout, type Geometry } from "./geometry.ts";

const defaults = { wg: 64 };

export const packZeroPointsSpec: KernelSpec = {
  id: "quantize/pack-zero-points",
  params: [
    ["rows", "u32"],
    ["row_length", "u32"],
    ["bits", "u32"],
  ],
  bindings: [
    { name: "zero_points", access: "read" },
    { name: "packed", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: packZeroPointsWgsl }],
  tolerance: "exact",
};

/** Rows of zero points that start on a byte: each row of blocks in the rows layout, else all as one row. */
function zeroRows(geometry: Geometry, layout: CodeLayout): { readonly rows: number; readonly length: number } {
  const groups = groupCount(geometry);
  if (geometry.kind === "wide" || layout === "natural") return { rows: 1, length: groups };
  const length = blocksPerRow(geometry);
  return { rows: groups / length, length };
}

/** Bytes of a tensor's packed zero points. */
export function zeroPointBytes(geometry: Geometry, layout: CodeLayout, bits: number): number {
  const { rows, length } = zeroRows(geometry, layout);
  return rows * Math.ceil((length * bits) / 8);
}

/** Buffers: zero_points, i32 per group in the order of the layout; packed, zeroPointBytes padded to 4. */
export function packZeroPointsCall(
  geometry: Geometry,
  layout: CodeLayout,
  bits: number,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { wg } = { ...defaults, ...overrides };
  const { rows, length } = zeroRows(geometry, layout);
  const bytes = zeroPointBytes(geometry, layout, bits);
  return {
    kernel: packZeroPointsSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { rows, row_length: length, bits },
    workgroups: Math.ceil(bytes / 4 / wg),
    cost: { bytes: rows * length * 4 + bytes, ops: rows * length * 4 },
  };
}
