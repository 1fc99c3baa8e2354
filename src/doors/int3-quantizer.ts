// Quantizes weights to three bits on a caller's own buffers, for createTableMatmul's format int3.
import type { GpuContext } from "../device/context.ts";
import { int3BlockCall, int3BlockSpec, type Int3Shape } from "../kernels/quantize/int3-block.ts";
import { contextOf } from "./gpu-handle.ts";
import { matmulProgram } from "./matmul-program.ts";
import type { BufferRange, EncodeTarget } from "./program.ts";

interface Parts<T> {
  readonly source: T;
  readonly codes: T;
  readonly scales: T;
}

export interface Int3Quantizer {
  /** Bytes that each buffer must hold at least. */
  readonly sizes: Parts<number>;
  readonly scratchBytes: number;
  /**
   * Encodes source, f32 [rows, cols], to codes and scales: x ~ (code - 4) * scale, scale = -(the value of largest
   * magnitude of the block) / 4. Rows are padded to whole blocks; codes are a dense bit string, the first lowest (the
   * order of compressed-tensors' pack-quantized), 32 in three words. The same bytes on every device.
   * @throws UsageError for a buffer that is missing or too small
   */
  encode(target: EncodeTarget, buffers: Parts<BufferRange>): void;
  dispose(): void;
}

/**
 * Compiles the quantization of a weight to three bits.
 * @throws UnsupportedError for blocks that are not a multiple of 32 and for shapes beyond one dispatch; GpuError;
 *   DeviceLostError
 */
export async function createInt3Quantizer(gpu: GpuContext | GPUDevice, options: Int3Shape): Promise<Int3Quantizer> {
  const { rows, cols, blockSize } = options;
  const call = int3BlockCall(options);
  const groups = rows * Math.ceil(cols / blockSize);
  const sizes = { source: rows * cols * 4, codes: (groups * blockSize * 3) / 8, scales: groups * 4 };
  const steps = [{ call, bindings: ["source", "codes", "scales"] }];
  const program = await matmulProgram(contextOf(gpu), { buffers: {}, steps }, sizes, {
    [int3BlockSpec.id]: int3BlockSpec,
  });
  return {
    sizes,
    scratchBytes: program.scratchBytes,
    encode: (target, buffers) => program.encode(target, { ...buffers }),
    dispose: () => program.dispose(),
  };
}
