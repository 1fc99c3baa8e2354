// Room nn/grid-sample: planes or volumes sampled at the points of a grid.
import gridSampleWgsl from "../../../shaders/nn/grid-sample.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements } from "./rows.ts";

const defaults = { wg: 64, dims: 2, mode: 0, padding: 0, align: 0 };

/** By the number that the shader knows them by. */
export const sampleModes = ["nearest", "linear", "cubic"] as const;
export const samplePaddings = ["zeros", "border", "reflection"] as const;

export const gridSampleSpec: KernelSpec = {
  id: "nn/grid-sample",
  params: [
    ["count", "u32"],
    ["channels", "u32"],
    ["points", "u32"],
    ["depth", "u32"],
    ["height", "u32"],
    ["width", "u32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "grid", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: gridSampleWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface GridSampleShape {
  readonly batch: number;
  readonly channels: number;
  /** Height and width, or depth, height and width; none of them 0. */
  readonly input: readonly [number, number] | readonly [number, number, number];
  /** Points of the grid for each batch entry. */
  readonly points: number;
}

export interface SampleManner {
  readonly mode: (typeof sampleModes)[number];
  readonly padding: (typeof samplePaddings)[number];
  /** Whether -1 and 1 are the centres of the outer elements, not their outer edges. */
  readonly alignCorners: boolean;
}

/**
 * Buffers: x, f32 [batch, channels, input]; grid, f32 [batch, points, 2 or 3], width first; y, f32 [batch, channels,
 * points].
 * @throws UnsupportedError for 2^31 elements or more
 */
export function gridSampleCall(
  shape: GridSampleShape,
  { mode, padding, alignCorners }: SampleManner,
  overrides: Partial<Pick<typeof defaults, "wg">> = {},
): KernelCall {
  const { batch, channels, input, points } = shape;
  const [depth, height, width] = input.length === 2 ? [1, ...input] : input;
  const dims = input.length;
  const count = batch * channels * points;
  const size = batch * channels * depth * height * width;
  checkElements(Math.max(count, size, batch * points * dims), "A sampling");
  const { wg } = { wg: 64, ...overrides };
  const number = sampleModes.indexOf(mode);
  return {
    kernel: gridSampleSpec.id,
    variant: "portable",
    overrides: { wg, dims, mode: number, padding: samplePaddings.indexOf(padding), align: alignCorners ? 1 : 0 },
    params: { count, channels, points, depth, height, width },
    workgroups: Math.ceil(count / wg),
    cost: { bytes: 4 * (count + size + batch * points * dims), ops: 3 * count * 2 ** (number * dims) },
  };
}
