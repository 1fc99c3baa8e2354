// Matrix products on gpu.js: tiles of the result, and slices of the inner dimension that are summed in f32 each
// and together in doubles.
import { UsageError } from "../base/errors.ts";
import type { GpuJs } from "./gpu-js.ts";
import { matmulTile } from "./sources.ts";
import { powerOfTwo } from "./tiles.ts";

/** Sides of a tile of the result, and the inner dimension of one run. */
const largestSide = 128;
const largestDepth = 256;

/**
 * a b, row-major: f32 [m, k] by [k, n] gives [m, n]. Accurate to about 1e-5 of sum |a| |b|. Finite values only.
 *
 * @throws UsageError for sizes that do not fit; UnsupportedError without gpu.js
 */
export async function matmul(
  a: Float32Array,
  b: Float32Array,
  m: number,
  k: number,
  n: number,
  gpu?: GpuJs,
): Promise<Float32Array> {
  if (![m, k, n].every((size) => Number.isSafeInteger(size) && size >= 0) || a.length !== m * k || b.length !== k * n) {
    throw new UsageError(`${a.length} and ${b.length} values are no matrices [${m}, ${k}] and [${k}, ${n}].`);
  }
  return multiply(gpu ?? (await openShared()), a, b, [m, k, n]);
}

function multiply(
  gpu: GpuJs,
  a: Float32Array,
  b: Float32Array,
  [m, k, n]: readonly [number, number, number],
): Float32Array {
  const [height, depth, width] = [
    Math.min(largestSide, powerOfTwo(m)),
    Math.min(largestDepth, powerOfTwo(k)),
    Math.min(largestSide, powerOfTwo(n)),
  ];
  const [left, right] = [new Float32Array(height * depth), new Float32Array(depth * width)];
  const result = new Float32Array(m * n);
  for (let y = 0; y < m; y += height) {
    for (let x = 0; x < n; x += width) {
      const sums = new Float64Array(height * width);
      for (let z = 0; z < k; z += depth) {
        copyTile(a, [m, k], [y, z], left, depth);
        copyTile(b, [k, n], [z, x], right, width);
        const rows = gpu.runRows(matmulTile, { depth, width }, [width, height], [left, right]);
        for (const [index, row] of rows.entries()) {
          for (let j = 0; j < width; j++) sums[index * width + j] = (sums[index * width + j] ?? 0) + (row[j] ?? 0);
        }
      }
      for (let i = y; i < Math.min(m, y + height); i++) {
        const start = (i - y) * width;
        result.set(sums.subarray(start, start + Math.min(width, n - x)), i * n + x);
      }
    }
  }
  return result;
}

/** Cuts a tile of a matrix out, padded with 0. */
function copyTile(
  matrix: Float32Array,
  [rows, columns]: readonly [number, number],
  [top, left]: readonly [number, number],
  tile: Float32Array,
  width: number,
): void {
  tile.fill(0);
  for (let i = 0; i * width < tile.length && top + i < rows; i++) {
    const start = (top + i) * columns;
    tile.set(matrix.subarray(start + left, start + Math.min(columns, left + width)), i * width);
  }
}

/** Loaded on demand, so that a page pays for it only when it has no WebGPU. */
async function openShared(): Promise<GpuJs> {
  const { sharedGpuJs } = await import("./open-gpu-js.ts");
  return sharedGpuJs();
}
