// Products with packed weights for apps that own their GPUDevice; see quantizer.ts for the manners.
import { UnsupportedError } from "../base/errors.ts";
import type { GpuContext } from "../device/context.ts";
import { blockMatvecCall, blockMatvecSpec, type BlockMatvecShape } from "../kernels/matmul/block-matvec.ts";
import { blocksPerRow, codeCount, groupCount } from "../kernels/quantize/geometry.ts";
import { zeroPointBytes } from "../kernels/quantize/pack-zero-points.ts";
import { packedBytes } from "../kernels/quantize/shape.ts";
import type { AffineEncoding } from "../methods/quantize/encoding.ts";
import { kernelStep, wordBytes } from "../methods/quantize/kernel-step.ts";
import { rowBlocks } from "./encodings.ts";
import { contextOf } from "./gpu-handle.ts";
import { Program, type BufferRange, type CallerBuffer, type EncodeTarget } from "./program.ts";

export interface BlockMatmulOptions extends BlockMatvecShape {
  /** As the quantizer packed the weight, with geometry rowBlocks(rows, cols, blockSize) and layout `rows`. */
  readonly encoding: AffineEncoding;
}

export interface BlockMatmul {
  /** Bytes that each buffer must hold at least. */
  readonly sizes: {
    readonly codes: number;
    readonly scales: number;
    readonly zeroPoints?: number;
    readonly x: number;
    readonly y: number;
  };
  readonly scratchBytes: number;
  /**
   * Encodes y = x W^T on the packed weight: x f32 [batch, cols], y f32 [batch, rows], scales f32.
   * `zeroPoints` only for asymmetric encodings.
   * @throws UsageError for a buffer that is missing or too small
   */
  encode(
    target: EncodeTarget,
    buffers: {
      readonly codes: BufferRange;
      readonly scales: BufferRange;
      readonly zeroPoints?: BufferRange;
      readonly x: BufferRange;
      readonly y: BufferRange;
    },
  ): void;
  dispose(): void;
}

/**
 * Compiles the product of f32 vectors with a weight in the form of MatMulNBits.
 * @throws UnsupportedError for shapes beyond one dispatch or odd block sizes; GpuError; DeviceLostError
 */
export async function createBlockMatmul(
  gpu: GpuContext | GPUDevice,
  options: BlockMatmulOptions,
): Promise<BlockMatmul> {
  const context = contextOf(gpu);
  const { encoding, rows, cols, blockSize, batch } = options;
  const geometry = rowBlocks(rows, cols, blockSize);
  const call = blockMatvecCall(options, encoding);
  const withZeros = encoding.scheme === "asymmetric";
  const zeroBytes = wordBytes(zeroPointBytes(geometry, "rows", encoding.bits));
  const sizes = {
    codes: packedBytes(codeCount(geometry, "rows"), encoding.bits),
    scales: groupCount(geometry) * 4,
    ...(withZeros ? { zeroPoints: zeroBytes } : {}),
    x: batch * cols * 4,
    y: batch * rows * 4,
  };
  const limit = context.profile.limits.maxStorageBufferBindingSize;
  const largest = Math.max(sizes.codes, sizes.x, sizes.y);
  if (largest > limit) {
    throw new UnsupportedError(`A buffer of ${largest} bytes is more than one binding of the device holds.`, {
      hint: "Cut the weight by rows, or the input by vectors.",
      details: { neededBytes: largest, availableBytes: limit, blocks: blocksPerRow(geometry) },
    });
  }
  const callers = Object.entries(sizes).map(([role, bytes]): CallerBuffer => ({ role, name: role, bytes }));
  const bindings = ["codes", "scales", "zeroPoints", "x", "y"];
  const program = await Program.create(
    context,
    {
      buffers: withZeros ? {} : { zeroPoints: 4 },
      steps: [kernelStep(context.profile, blockMatvecSpec, call, bindings)],
    },
    callers,
  );
  return {
    sizes,
    scratchBytes: program.scratchBytes,
    encode: (target, buffers) => program.encode(target, { ...buffers }),
    dispose: () => program.dispose(),
  };
}
