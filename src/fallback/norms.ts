// L1 and L2 norms of channels on gpu.js: f32 sums of short rows, folded in doubles on the host. A row is scaled
// by a power of two to a largest magnitude in [1, 2), so that no square overflows or vanishes.
import { NonFiniteError, UsageError } from "../base/errors.ts";
import type { ShapeParams } from "../kernels/quantize/shape.ts";
import type { GpuJs } from "./gpu-js.ts";
import { rowNorms } from "./sources.ts";
import { fillRows, powerOfTwo, tileFor } from "./tiles.ts";

/** A tensor [outer, channels, inner]: [1, out, rest] for a convolution's weights, [in, out, 1] for a MatMul's. */
export interface ChannelShape {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export interface ChannelNorms {
  /** Sum of magnitudes per channel. */
  readonly l1: Float64Array;
  /** Root of the sum of squares per channel. */
  readonly l2: Float64Array;
}

/** Elements that are summed in f32; an error below 4e-6 whatever the order. */
const longestRow = 64;

/**
 * Norms of each channel, within 1e-5 of the real ones. Subnormal elements count as 0.
 *
 * @param values f32, outer * channels * inner of them
 * @throws UsageError for a shape that does not fit; NonFiniteError; UnsupportedError without gpu.js
 * @example const { l2 } = await channelNorms(weights, { outer: 1, channels: 64, inner: 3 * 3 * 32 });
 */
export async function channelNorms(values: Float32Array, shape: ChannelShape, gpu?: GpuJs): Promise<ChannelNorms> {
  const { outer, channels, inner } = shape;
  if (
    ![outer, channels, inner].every((n) => Number.isSafeInteger(n) && n >= 0) ||
    outer * channels * inner !== values.length
  ) {
    throw new UsageError(`${values.length} values are no tensor [${outer}, ${channels}, ${inner}].`);
  }
  const firstIndex = values.findIndex((value) => !Number.isFinite(value));
  if (firstIndex >= 0) {
    const count = values.reduce((sum, value) => sum + (Number.isFinite(value) ? 0 : 1), 0);
    throw new NonFiniteError(`${count} of the values are NaN or infinite, the first at ${firstIndex}.`, {
      details: { count, firstIndex },
    });
  }
  return computeNorms(gpu ?? (await openShared()), values, shape);
}

function computeNorms(gpu: GpuJs, values: Float32Array, { outer, channels, inner }: ChannelShape): ChannelNorms {
  const [l1, squares] = [new Float64Array(channels), new Float64Array(channels)];
  const length = Math.max(1, Math.min(longestRow, outer * inner));
  const segments = Math.ceil((outer * inner) / length);
  const rows = channels * segments;
  const width = powerOfTwo(length);
  const tileRows = Math.max(1, tileFor(rows * width) / width);
  const shape: ShapeParams = { outer, dim: channels, inner, block: 1, blocks: channels, order: 2 };
  const source = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const tile = new Float32Array(tileRows * width);
  for (let first = 0; first < rows; first += tileRows) {
    const count = Math.min(tileRows, rows - first);
    fillRows(shape, { segments, length, interleave: 1 }, source, new Uint32Array(tile.buffer), first, count, width);
    const units = Array.from({ length: count }, (_, row) => normalize(tile.subarray(row * width, (row + 1) * width)));
    const sums = gpu.run(rowNorms, { length: width }, tileRows * 2, [tile]);
    for (const [row, unit] of units.entries()) {
      const channel = Math.floor((first + row) / segments);
      l1[channel] = (l1[channel] ?? 0) + (sums[row * 2] ?? 0) * unit;
      squares[channel] = (squares[channel] ?? 0) + (sums[row * 2 + 1] ?? 0) * unit * unit;
    }
  }
  return { l1, l2: squares.map((sum) => Math.sqrt(sum)) };
}

/** Divides a row by the power of two of its largest magnitude, which is returned; a zero row stays. */
function normalize(row: Float32Array): number {
  let largest = 0;
  for (const value of row) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return 1;
  const unit = 2 ** Math.floor(Math.log2(largest));
  for (let k = 0; k < row.length; k++) row[k] = (row[k] ?? 0) / unit;
  return unit;
}

/** Loaded on demand, so that a page pays for it only when it has no WebGPU. */
async function openShared(): Promise<GpuJs> {
  const { sharedGpuJs } = await import("./open-gpu-js.ts");
  return sharedGpuJs();
}
