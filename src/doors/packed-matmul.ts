// Products whose both sides are packed: activations are quantized on the device, a scale a row, just before.
import { UnsupportedError } from "../base/errors.ts";
import type { GpuContext } from "../device/context.ts";
import { packedDotCall, packedDotSpec, perWord, type PackedElement } from "../kernels/matmul/packed-dot.ts";
import type { Activation } from "../kernels/nn/activation.ts";
import { kernelSpecs } from "../kernels/registry.ts";
import { affineEncodeSteps } from "../methods/quantize/affine-steps.ts";
import type { EncodeRequest } from "../methods/quantize/encoding.ts";
import { binaryEncodeSteps } from "../methods/quantize/low-bit-steps.ts";
import { affineEncoding } from "./encodings.ts";
import { contextOf } from "./gpu-handle.ts";
import { matmulProgram } from "./matmul-program.ts";
import type { BufferRange, EncodeTarget } from "./program.ts";

export interface PackedMatmulOptions {
  /**
   * int8   scale = absmax / 127 a row of x and a row of the weight (LLM.int8(), Dettmers et al., 2022)
   * sign   one bit an element, scale = mean magnitude (XNOR-Net, Rastegari et al., 2016)
   */
  readonly element: PackedElement;
  /** Outputs: rows of the weight. */
  readonly rows: number;
  /** Inputs: columns of the weight; a multiple of 4 for int8, of 32 for sign. */
  readonly cols: number;
  /** Input vectors, each quantized under its own scale. */
  readonly batch: number;
  /** Add a buffer `bias`, f32 [rows]. */
  readonly bias?: boolean;
  /** Applied last; default none. */
  readonly activation?: Activation;
}

interface Sizes<T> {
  readonly codes: T;
  readonly scales: T;
  readonly x: T;
  readonly bias?: T;
  readonly y: T;
}

export interface PackedMatmul {
  /** Bytes that each buffer must hold at least. */
  readonly sizes: Sizes<number>;
  /** Device memory of packed activations and the like. */
  readonly scratchBytes: number;
  /**
   * Encodes y = activation(quantized(x) W^T + bias): codes int8 or signs [rows, cols], as the quantizer packs them with
   * the geometry { kind: "wide", outer: 1, channels: rows, inner: cols }; scales f32 [rows]; x f32 [batch, cols]; y f32
   * [batch, rows]. Codes of x and the integer sums are the same on every device.
   * @throws UsageError for a buffer that is missing or too small
   */
  encode(target: EncodeTarget, buffers: Sizes<BufferRange>): void;
  dispose(): void;
}

/**
 * Compiles the product of vectors that are quantized on the way with a weight of int8 or signs.
 * @throws UnsupportedError for rows that do not fill whole words and shapes beyond one dispatch; GpuError;
 *   DeviceLostError
 */
export async function createPackedMatmul(
  gpu: GpuContext | GPUDevice,
  options: PackedMatmulOptions,
): Promise<PackedMatmul> {
  const context = contextOf(gpu);
  const { element, rows, cols, batch, bias = false, activation } = options;
  if (cols % perWord[element] !== 0) {
    throw new UnsupportedError(`Rows of ${cols} elements do not fill whole words.`, {
      hint: `Pad them with zeros to a multiple of ${perWord[element]}.`,
      details: { cols, element },
    });
  }
  const shape = { m: batch, n: rows, k: cols, bias, ...(activation ? { activation } : {}) };
  const call = packedDotCall(element, shape, context.profile);
  const encoding = element === "int8" ? affineEncoding("int8") : ({ kind: "binary" } as const);
  const request: EncodeRequest = {
    encoding,
    geometry: { kind: "wide", outer: 1, channels: batch, inner: cols },
    layout: "natural",
    search: { kind: "absmax" },
    scaleType: "f32",
    source: "x",
    prefix: "x.",
  };
  const packed = (element === "int8" ? affineEncodeSteps : binaryEncodeSteps)(context.profile, request);
  const bindings = [packed.codes.buffer, packed.scales?.buffer ?? "", "codes", "scales", "bias", "y"];
  const sizes = {
    codes: (rows * cols * 4) / perWord[element],
    scales: rows * 4,
    x: batch * cols * 4,
    ...(bias ? { bias: rows * 4 } : {}),
    y: batch * rows * 4,
  };
  const program = await matmulProgram(
    context,
    {
      buffers: { ...packed.buffers, bias: 4 },
      uploads: packed.uploads,
      steps: [...packed.steps, { call, bindings }],
    },
    sizes,
    { ...kernelSpecs, [packedDotSpec.id]: packedDotSpec },
  );
  return {
    sizes,
    scratchBytes: program.scratchBytes,
    encode: (target, buffers) => program.encode(target, { ...buffers }),
    dispose: () => program.dispose(),
  };
}
