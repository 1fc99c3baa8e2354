// Room nn/lrn: local response normalization over neighbouring channels.
import lrnWgsl from "../../../shaders/nn/lrn.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";
import { checkElements } from "./rows.ts";

const defaults = { wg: 64 };

export const lrnSpec: KernelSpec = {
  id: "nn/lrn",
  params: [
    ["batch", "u32"],
    ["channels", "u32"],
    ["inner", "u32"],
    ["size", "u32"],
    ["alpha", "f32"],
    ["beta", "f32"],
    ["bias", "f32"],
  ],
  bindings: [
    { name: "x", access: "read" },
    { name: "y", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: lrnWgsl }],
  tolerance: { relative: 2e-5, floor: 1 },
};

export interface LrnOptions {
  /** Channels that are summed over. */
  readonly size: number;
  readonly alpha?: number;
  readonly beta?: number;
  readonly bias?: number;
}

/**
 * Buffers: x and y, f32 [batch, channels, inner].
 * @throws UnsupportedError for 2^31 elements or more
 */
export function lrnCall(
  { batch, channels, inner }: { readonly batch: number; readonly channels: number; readonly inner: number },
  { size, alpha = 1e-4, beta = 0.75, bias = 1 }: LrnOptions,
  overrides: Partial<typeof defaults> = {},
): KernelCall {
  const count = batch * channels * inner;
  checkElements(count, "A normalization");
  const { wg } = { ...defaults, ...overrides };
  return {
    kernel: lrnSpec.id,
    variant: "portable",
    overrides: { wg },
    params: { batch, channels, inner, size, alpha, beta, bias },
    workgroups: Math.ceil(count / wg),
    cost: { bytes: 8 * count, ops: count * (2 * size + 20) },
  };
}
