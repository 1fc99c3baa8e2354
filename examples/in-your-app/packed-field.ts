// The network's weights in one packed format: buffers of the app, filled by wgslim's kernels in the app's own frame.
import {
  affineEncoding,
  createBlockMatmul,
  createQuantizer,
  rowBlocks,
  type BlockMatmul,
  type Quantizer,
  type ScaleSearch,
} from "../../src/web.ts";
import type { FormatChoice } from "./app-shaders.ts";
import { blockSize, type Layer } from "./field.ts";

export interface PackedLayer {
  readonly codes: GPUBuffer;
  readonly scales: GPUBuffer;
  readonly zeroPoints?: GPUBuffer;
  readonly quantizer: Quantizer;
  readonly matmul: BlockMatmul;
}

export interface PackedField {
  readonly layers: readonly PackedLayer[];
  /** Codes, scales and zero points together. */
  readonly weightBytes: number;
  readonly scratchBytes: number;
  destroy(): void;
}

/** Compiles kernels and allocates; nothing is computed yet. */
export async function packField(
  device: GPUDevice,
  layers: readonly Layer[],
  format: Exclude<FormatChoice, "f32">,
  search: ScaleSearch,
  pixels: number,
): Promise<PackedField> {
  const encoding = affineEncoding(format);
  const packed = await Promise.all(
    layers.map(async ({ rows, cols }): Promise<PackedLayer> => {
      const geometry = rowBlocks(rows, cols, blockSize);
      const quantizer = await createQuantizer(device, { encoding, geometry, layout: "rows", search });
      const matmul = await createBlockMatmul(device, { encoding, rows, cols, blockSize, batch: pixels });
      const buffer = (size: number): GPUBuffer => device.createBuffer({ size, usage: GPUBufferUsage.STORAGE });
      const { codes, scales = 4, zeroPoints } = quantizer.sizes;
      return {
        codes: buffer(codes),
        scales: buffer(scales),
        ...(zeroPoints ? { zeroPoints: buffer(zeroPoints) } : {}),
        quantizer,
        matmul,
      };
    }),
  );
  const sum = (bytes: (layer: PackedLayer) => number): number =>
    packed.reduce((total, layer) => total + bytes(layer), 0);
  return {
    layers: packed,
    weightBytes: sum(({ codes, scales, zeroPoints }) => codes.size + scales.size + (zeroPoints?.size ?? 0)),
    scratchBytes: sum(({ quantizer, matmul }) => quantizer.scratchBytes + matmul.scratchBytes),
    destroy() {
      for (const { codes, scales, zeroPoints, quantizer, matmul } of packed) {
        quantizer.dispose();
        matmul.dispose();
        for (const buffer of [codes, scales, zeroPoints]) buffer?.destroy();
      }
    },
  };
}
