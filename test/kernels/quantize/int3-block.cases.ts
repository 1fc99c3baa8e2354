// Cases of quantize/int3-block: ragged rows, ties, zeros, outliers, values that do not count.
import { int3BlockReference } from "../../../src/kernels/quantize/int3-block.ref.ts";
import { int3BlockCall, int3BlockSpec } from "../../../src/kernels/quantize/int3-block.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf, weights } from "./float-fixtures.ts";

function caseOf(name: string, rows: number, cols: number, blockSize: number, values?: readonly number[]): KernelCase {
  const blocks = Math.ceil(cols / blockSize);
  const source = values
    ? Float32Array.from({ length: rows * cols }, (_, i) => values[i % values.length] ?? 0)
    : weights(rows * cols, rows + cols);
  return {
    name: `${name}: [${rows}, ${cols}] in blocks of ${blockSize}`,
    call: int3BlockCall({ rows, cols, blockSize }),
    buffers: [bytesOf(source), (rows * blocks * blockSize * 3) / 8, rows * blocks * 4],
  };
}

export const room: KernelRoom = {
  spec: int3BlockSpec,
  reference: int3BlockReference,
  cases: [
    caseOf("one element", 1, 1, 32),
    caseOf("whole blocks", 9, 96, 32),
    caseOf("ragged rows", 7, 83, 32),
    caseOf("wide blocks, many workgroups", 150, 130, 128),
    caseOf("zeros", 2, 40, 32, [0]),
    caseOf("ties between codes", 2, 64, 32, [4, 0.5, -0.5, 1.5, -1.5, 2.5, -4, 3.5]),
    caseOf("one outlier, all negative", 3, 33, 32, [-0.01, -0.02, -1000]),
    caseOf("equal magnitudes of both signs", 1, 32, 32, [-2, 2]),
    caseOf("what is not finite, and subnormals", 2, 64, 64, [Number.NaN, Infinity, 1e-40, 0.5, -Infinity, -0.25]),
    caseOf("magnitudes beyond the scale's reach", 1, 32, 32, [1e38, -1e35, 1, 0]),
    caseOf("magnitudes below the least scale", 1, 32, 32, [1e-37, -2e-37]),
  ],
};
