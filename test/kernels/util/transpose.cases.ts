// Cases of util/transpose: vectors, ragged tiles, many workgroups.
import { transposeReference } from "../../../src/kernels/util/transpose.ref.ts";
import { transposeCall, transposeSpec } from "../../../src/kernels/util/transpose.ts";
import { anyBits, bytesOf } from "../../support/float-data.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

function transposeCase(rows: number, cols: number, wg = 64): KernelCase {
  return {
    name: `${rows} x ${cols}, workgroups of ${wg}`,
    call: transposeCall(rows, cols, { wg }),
    buffers: [bytesOf(anyBits(rows * cols)), rows * cols * 4],
  };
}

export const room: KernelRoom = {
  spec: transposeSpec,
  reference: transposeReference,
  cases: [
    transposeCase(1, 1),
    transposeCase(1, 77),
    transposeCase(77, 1),
    transposeCase(8, 8),
    transposeCase(9, 17),
    transposeCase(64, 64),
    transposeCase(131, 67, 32),
    transposeCase(4, 65_537 * 8 + 3, 1),
  ],
};
