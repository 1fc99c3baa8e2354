// Products with weights under small tables, NF4 to three bits, for apps that own their GPUDevice.
import type { GpuContext } from "../device/context.ts";
import {
  tableFormats,
  tableLine,
  tableMatmulCall,
  tableMatmulSpec,
  type TableFormatName,
} from "../kernels/matmul/table.ts";
import type { Activation } from "../kernels/nn/activation.ts";
import { packedBytes } from "../kernels/quantize/shape.ts";
import { wordBytes } from "../methods/quantize/kernel-step.ts";
import { contextOf } from "./gpu-handle.ts";
import { matmulProgram } from "./matmul-program.ts";
import type { BufferRange, EncodeTarget } from "./program.ts";

export interface TableMatmulOptions {
  /**
   * nf4, fp4   4 bits, f32 absmax (bitsandbytes; QLoRA, Dettmers et al., 2023); the even element in the high nibble
   * mxfp4      4 bits E2M1, low nibble first, an E8M0 byte per block (OCP microscaling)
   * nvfp4      4 bits E2M1, low nibble first, an E4M3 byte per block, divided by an f32 for all
   * ternary    2 bits, 0 to 2 for -1 to 1, f32 scales (Ternary Weight Networks, Li et al., 2016)
   * sign       1 bit, 0 for -1, f32 scales (XNOR-Net, Rastegari et al., 2016)
   * int3       3 bits, (code - zero) * scale; 32 codes fill three words, the first lowest
   */
  readonly format: TableFormatName;
  /** Outputs: rows of the weight. */
  readonly rows: number;
  /** Inputs: columns of the weight. */
  readonly cols: number;
  /** Codes that share a scale: those of whole words; `cols` for one scale a row. */
  readonly blockSize: number;
  /** Input vectors. */
  readonly batch: number;
  /** `rows` pads each row to whole blocks (default); `flat` lays rows and blocks end to end, as bitsandbytes does. */
  readonly layout?: "rows" | "flat";
  /** int3: a buffer `zeros`, f32 a block; without it 4 for all. */
  readonly zeros?: boolean;
  /** Add a buffer `bias`, f32 [rows]. */
  readonly bias?: boolean;
  /** Applied last; default none. */
  readonly activation?: Activation;
  /** x holds f16, also on devices without shader-f16; sums and y stay f32. `cols` must be a multiple of 4. */
  readonly halfInput?: boolean;
}

interface Sizes<T> {
  readonly codes: T;
  readonly scales: T;
  /** nvfp4 only. */
  readonly globalScale?: T;
  readonly zeros?: T;
  readonly x: T;
  readonly bias?: T;
  readonly y: T;
}

export interface TableMatmul {
  /** Bytes that each buffer must hold at least. */
  readonly sizes: Sizes<number>;
  readonly scratchBytes: number;
  /**
   * Encodes y = activation(x W^T + bias): x f32 or f16 [batch, cols], y f32 [batch, rows].
   * @throws UsageError for a buffer that is missing or too small
   */
  encode(target: EncodeTarget, buffers: Sizes<BufferRange>): void;
  dispose(): void;
}

/**
 * Compiles the product of vectors with a weight of 1 to 4 bits that stays packed.
 * @throws UnsupportedError for rows or blocks that do not lie on whole words and for shapes beyond one dispatch;
 *   GpuError; DeviceLostError
 */
export async function createTableMatmul(
  gpu: GpuContext | GPUDevice,
  options: TableMatmulOptions,
): Promise<TableMatmul> {
  const context = contextOf(gpu);
  const { format, rows, cols, batch, ...rest } = options;
  const shape = { m: batch, n: rows, k: cols, ...rest };
  const call = tableMatmulCall(format, shape, context.profile);
  const { bits, scaleKind } = tableFormats[format];
  const codes = rows * tableLine(shape);
  const groups = Math.ceil(codes / options.blockSize);
  const sizes = {
    codes: packedBytes(codes, bits),
    scales: wordBytes(scaleKind === 0 ? groups * 4 : groups),
    ...(format === "nvfp4" ? { globalScale: 4 } : {}),
    ...(options.zeros ? { zeros: groups * 4 } : {}),
    x: batch * cols * (options.halfInput ? 2 : 4),
    ...(options.bias ? { bias: rows * 4 } : {}),
    y: batch * rows * 4,
  };
  const program = await matmulProgram(
    context,
    {
      buffers: { globalScale: 4, zeros: 4, bias: 4 },
      steps: [{ call, bindings: ["codes", "scales", "globalScale", "zeros", "x", "bias", "y"] }],
    },
    sizes,
    { [tableMatmulSpec.id]: tableMatmulSpec },
  );
  return {
    sizes,
    scratchBytes: program.scratchBytes,
    encode: (target, buffers) => program.encode(target, { ...buffers }),
    dispose: () => program.dispose(),
  };
}
