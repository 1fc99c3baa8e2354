// Cases of factor/cholesky-block: blocks anywhere, pivots that are negative, zero or no number.
import { choleskyBlockReference } from "../../../src/kernels/factor/cholesky-block.ref.ts";
import { choleskyBlockCall, choleskyBlockSpec } from "../../../src/kernels/factor/cholesky-block.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { before, blocks, type FactorCase } from "./factor-cases.ts";

function caseOf(block: FactorCase): KernelCase {
  const { y, u } = before(block, 0);
  const { size, at, rows } = block;
  return {
    name: `rows ${at} to ${at + rows} of ${size}`,
    call: choleskyBlockCall(block, 1e-6),
    buffers: [y, bytesOf(u), 4],
  };
}

/** Rows 2 and 5 have pivots that are none. */
function broken(): KernelCase {
  const size = 8;
  const u = Float32Array.from({ length: size * size }, (_, index) => (index % (size + 1) === 0 ? 2 : 0));
  u[2 * size + 2] = -3;
  u[5 * size + 5] = Number.NaN;
  return {
    name: "pivots that are negative and no number",
    call: choleskyBlockCall({ size, at: 0, rows: size }, 0.25),
    buffers: [16, bytesOf(u), 4],
  };
}

export const room: KernelRoom = {
  spec: choleskyBlockSpec,
  reference: choleskyBlockReference,
  cases: [...blocks.map(caseOf), broken()],
};
