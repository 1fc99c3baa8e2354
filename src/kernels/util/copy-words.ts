// Room util/copy-words: a plain copy of u32 words, the roof that other kernels' bandwidth is held against.
import copyWordsWgsl from "../../../shaders/util/copy-words.wgsl";
import type { KernelCall, KernelSpec } from "../kernel.ts";

const defaults = { wg: 128, per_thread: 8, interleaved: 0 };

/**
 * Tilings worth measuring on a new adapter. The default is the best compromise of llvmpipe and
 * SwiftShader; GPUs want neighbouring threads on neighbouring vec4s.
 */
export const copyWordsTilings: readonly (typeof defaults)[] = [
  defaults,
  { wg: 64, per_thread: 4, interleaved: 0 },
  { wg: 256, per_thread: 4, interleaved: 0 },
  { wg: 128, per_thread: 16, interleaved: 0 },
  { wg: 256, per_thread: 1, interleaved: 1 },
  { wg: 256, per_thread: 4, interleaved: 1 },
];

export const copyWordsSpec: KernelSpec = {
  id: "util/copy-words",
  params: [["count", "u32"]],
  bindings: [
    { name: "words_in", access: "read" },
    { name: "words_out", access: "read_write" },
  ],
  overrides: defaults,
  variants: [{ name: "portable", requires: [], wgsl: copyWordsWgsl }],
  tolerance: "exact",
};

/** Copies the first `count` words; both buffers hold whole vec4s, ceil(count / 4) * 16 bytes. */
export function copyWordsCall(count: number, overrides: Partial<typeof defaults> = {}): KernelCall {
  const { wg, per_thread, interleaved } = { ...defaults, ...overrides };
  return {
    kernel: copyWordsSpec.id,
    variant: "portable",
    overrides: { wg, per_thread, interleaved },
    params: { count },
    workgroups: Math.ceil(Math.ceil(count / 4) / (wg * per_thread)),
    cost: { bytes: count * 8, ops: 0 },
  };
}
