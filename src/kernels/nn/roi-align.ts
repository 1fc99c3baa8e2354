// Room nn/roi-align: regions of planes pooled to one size.
import roiAlignWgsl from "../../../shaders/nn/roi-align.wgsl";
import { UnsupportedError } from "../../base/errors.ts";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements } from "./rows.ts";

const defaults = { wg: 64, op: 0 };

/** By the number that the shader knows them by. */
export const roiOps = ["avg", "max"] as const;

export const roiAlignSpec: KernelSpec = {
  id: "nn/roi-align",
  params: [
    ["count", "u32"],
    ["batch", "u32"],
    ["channels", "u32"],
    ["height", "u32"],
    ["width", "u32"],
    ["rows", "u32"],
    ["columns", "u32"],
    ["samples", "u32"],
    ["scale", "f32"],
    ["shift", "f32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "rois", access: "read" },
    { name: "entries", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: roiAlignWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface RoiAlignShape {
  readonly batch: number;
  readonly channels: number;
  /** Height and width; neither 0. */
  readonly input: readonly [number, number];
  readonly regions: number;
  readonly output: readonly [number, number];
}

export interface RoiAlignManner {
  readonly op: (typeof roiOps)[number];
  /** Samples of a bin along a side, or 0 for as many as it has elements. */
  readonly samples: number;
  /** From the units of the regions to elements. */
  readonly scale: number;
  /** Whether whole numbers are the edges of elements, not their centres. */
  readonly halfPixel: boolean;
}

/**
 * Buffers: x, f32 [batch, channels, input]; rois, f32 [regions, 4]; entries, i32 [regions]; y, f32 [regions, channels,
 * output].
 * @throws UnsupportedError for 2^31 elements, or more than 1024 samples along a side
 */
export function roiAlignCall(
  shape: RoiAlignShape,
  { op, samples, scale, halfPixel }: RoiAlignManner,
  overrides: Partial<Pick<typeof defaults, "wg">> = {},
): KernelCall {
  const { batch, channels, input, regions, output } = shape;
  const [[height, width], [rows, columns]] = [input, output];
  const count = regions * channels * rows * columns;
  const size = batch * channels * height * width;
  checkElements(Math.max(count, size, 4 * regions), "A pool of regions");
  if (samples > 1024) {
    throw new UnsupportedError(`${samples} samples along a side of a bin can't be run.`, { hint: "Use up to 1024." });
  }
  const { wg } = { wg: 64, ...overrides };
  return {
    kernel: roiAlignSpec.id,
    variant: "portable",
    overrides: { wg, op: roiOps.indexOf(op) },
    params: { count, batch, channels, height, width, rows, columns, samples, scale, shift: halfPixel ? 0.5 : 0 },
    workgroups: Math.ceil(count / wg),
    cost: { bytes: 4 * (count + size + 5 * regions), ops: 20 * count * Math.max(samples, 1) ** 2 },
  };
}
