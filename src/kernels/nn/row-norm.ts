// Room nn/row-norm: layer, RMS, instance and group normalization, as rows that are normalized each for itself.
import rowNormWgsl from "../../../shaders/nn/row-norm.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements, splitFor } from "./rows.ts";

const defaults = { wg: 64, split: 1, op: 0 };

/** By the number that the shader knows them by. */
export const rowNormKinds = ["layer", "rms"] as const;

export type RowNormKind = (typeof rowNormKinds)[number];

export const rowNormSpec: KernelSpec = {
  id: "nn/row-norm",
  params: [
    ["rows", "u32"],
    ["cols", "u32"],
    ["groups", "u32"],
    ["per_row", "u32"],
    ["span", "u32"],
    ["has_scale", "u32"],
    ["has_bias", "u32"],
    ["epsilon", "f32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "scale", access: "read" },
    { name: "bias", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: rowNormWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface RowNormShape {
  readonly rows: number;
  readonly cols: number;
  /** Rows in turn that have scales of their own: 1 (default) where all rows share them. */
  readonly groups?: number;
  /** Neighbouring columns that share a scale: 1 (default). */
  readonly span?: number;
}

export interface RowNormOptions {
  readonly kind?: RowNormKind;
  readonly epsilon: number;
  /** Whether scale and bias are read; else they may be any 4 bytes. */
  readonly scale?: boolean;
  readonly bias?: boolean;
}

/**
 * Buffers: x, f32 [rows, cols]; scale and bias, f32 [groups, cols / span]; y like x. Layer and RMS norm over the
 * last axes: as they are. Instance norm of [N, C, S]: rows N C, cols S, groups C, span S. Group norm with G groups:
 * rows N G, cols C / G S, groups G, span S.
 * @throws UnsupportedError for 2^31 elements or more
 */
export function rowNormCall(
  shape: RowNormShape,
  { kind = "layer", epsilon, scale = false, bias = false }: RowNormOptions,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const { rows, cols, groups = 1, span = 1 } = shape;
  checkElements(rows * cols, "A normalization");
  const { wg, split } = { wg: 64, split: splitFor(rows, cols), ...overrides };
  return {
    kernel: rowNormSpec.id,
    variant: "portable",
    overrides: { wg, split, op: rowNormKinds.indexOf(kind) },
    params: {
      rows,
      cols,
      groups,
      per_row: Math.ceil(cols / span),
      span,
      has_scale: scale ? 1 : 0,
      has_bias: bias ? 1 : 0,
      epsilon,
    },
    workgroups: Math.ceil((rows * split) / wg),
    cost: { bytes: 8 * rows * cols, ops: 10 * rows * cols },
  };
}
