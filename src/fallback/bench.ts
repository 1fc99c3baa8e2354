// gpu.js as a baseline for the benchmark: the whole way of a block quantization, from f32 in host memory to packed
// codes, scales and zero points in host memory.
import { affineBlockCall } from "../kernels/quantize/affine-block.ts";
import type { Bits } from "../kernels/quantize/affine-rule.ts";
import type { BlockedGeometry } from "../kernels/quantize/geometry.ts";
import { packedBytes } from "../kernels/quantize/shape.ts";
import { affineKernels } from "./affine.ts";
import { sharedGpuJs } from "./open-gpu-js.ts";
import type { GpuJsMode } from "./gpu-js.ts";

export interface GpuJsTiming {
  readonly mode: GpuJsMode;
  /** Median of the runs after one that compiles. */
  readonly seconds: number;
}

/**
 * Times symmetric block quantization of `values`, cut into blocks as one row.
 * @param blockSize a multiple of 16 up to 1024
 * @throws UnsupportedError without gpu.js
 */
export async function benchGpuJsQuantize(
  values: Float32Array,
  blockSize: number,
  bits: Bits,
  runs = 5,
): Promise<GpuJsTiming> {
  const gpu = await sharedGpuJs();
  const geometry: BlockedGeometry = { kind: "blocked", outer: 1, dim: values.length, inner: 1, blockSize };
  const call = affineBlockCall(geometry, "rows", {
    bits,
    signed: true,
    scheme: "symmetric",
    rounding: "half-even",
    halfScales: false,
  });
  const groups = Math.ceil(values.length / blockSize);
  const buffers = [
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    new Uint8Array(packedBytes(groups * blockSize, bits)),
    new Uint8Array(groups * 4),
    new Uint8Array(groups * 4),
  ];
  const run = affineKernels(gpu)[call.kernel];
  const seconds: number[] = [];
  for (let index = 0; index <= runs; index++) {
    const started = performance.now();
    run?.(call.params, buffers);
    seconds.push((performance.now() - started) / 1000);
  }
  const sorted = seconds.slice(1).toSorted((x, y) => x - y);
  return { mode: gpu.mode, seconds: sorted[Math.floor(sorted.length / 2)] ?? 0 };
}
