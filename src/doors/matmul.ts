// Products with packed weights for apps that own their GPUDevice; see quantizer.ts for the manners.
import type { GpuContext } from "../device/context.ts";
import type { Activation } from "../kernels/nn/activation.ts";
import { codeCount, groupCount } from "../kernels/quantize/geometry.ts";
import { zeroPointBytes } from "../kernels/quantize/pack-zero-points.ts";
import { packedBytes } from "../kernels/quantize/shape.ts";
import type { AffineEncoding } from "../methods/quantize/encoding.ts";
import { wordBytes } from "../methods/quantize/kernel-step.ts";
import { rowBlocks } from "./encodings.ts";
import { contextOf } from "./gpu-handle.ts";
import { matmulProgram } from "./matmul-program.ts";
import type { BufferRange, EncodeTarget } from "./program.ts";

export interface BlockMatmulOptions {
  /** Outputs: rows of the weight. */
  readonly rows: number;
  /** Inputs: columns of the weight, before padding to whole blocks. */
  readonly cols: number;
  /** Columns that share a scale: a power of two, at least 16. */
  readonly blockSize: number;
  /** Input vectors. */
  readonly batch: number;
  /** As the quantizer packed the weight, with geometry rowBlocks(rows, cols, blockSize) and layout `rows`. */
  readonly encoding: AffineEncoding;
  /** Add a buffer `bias`, f32 [rows]. */
  readonly bias?: boolean;
  /** Applied last; default none. */
  readonly activation?: Activation;
}

export interface BlockMatmul {
  /** Bytes that each buffer must hold at least. */
  readonly sizes: {
    readonly codes: number;
    readonly scales: number;
    readonly zeroPoints?: number;
    readonly x: number;
    readonly bias?: number;
    readonly y: number;
  };
  readonly scratchBytes: number;
  /**
   * Encodes y = activation(x W^T + bias) on the packed weight: x f32 [batch, cols], y f32 [batch, rows], scales f32.
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
      readonly bias?: BufferRange;
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
  // The kernel comes with its first use: pages that only quantize do without.
  const { blockMatmulCall, blockMatmulSpec } = await import("../kernels/matmul/block.ts");
  const { encoding, rows, cols, blockSize, batch, bias = false, activation } = options;
  const geometry = rowBlocks(rows, cols, blockSize);
  const shape = { m: batch, n: rows, k: cols, blockSize, bias, ...(activation ? { activation } : {}) };
  const call = blockMatmulCall(shape, encoding, context.profile);
  const withZeros = encoding.scheme === "asymmetric";
  const sizes = {
    codes: packedBytes(codeCount(geometry, "rows"), encoding.bits),
    scales: groupCount(geometry) * 4,
    ...(withZeros ? { zeroPoints: wordBytes(zeroPointBytes(geometry, "rows", encoding.bits)) } : {}),
    x: batch * cols * 4,
    ...(bias ? { bias: rows * 4 } : {}),
    y: batch * rows * 4,
  };
  const program = await matmulProgram(
    context,
    {
      buffers: { zeroPoints: 4, bias: 4 },
      steps: [{ call, bindings: ["codes", "scales", "zeroPoints", "x", "bias", "y"] }],
    },
    sizes,
    { [blockMatmulSpec.id]: blockMatmulSpec },
  );
  return {
    sizes,
    scratchBytes: program.scratchBytes,
    encode: (target, buffers) => program.encode(target, { ...buffers }),
    dispose: () => program.dispose(),
  };
}
