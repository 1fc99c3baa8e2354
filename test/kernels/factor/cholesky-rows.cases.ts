// Cases of factor/cholesky-rows: blocks anywhere, with none, few and many columns to their right.
import { choleskyRowsReference } from "../../../src/kernels/factor/cholesky-rows.ref.ts";
import { choleskyRowsCall, choleskyRowsSpec } from "../../../src/kernels/factor/cholesky-rows.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { before, blocks, type FactorCase } from "./factor-cases.ts";

function caseOf(block: FactorCase): KernelCase {
  const { size, at, rows } = block;
  const { y, u } = before(block, rows);
  return { name: `rows ${at} to ${at + rows} of ${size}`, call: choleskyRowsCall(block), buffers: [y, bytesOf(u)] };
}

export const room: KernelRoom = {
  spec: choleskyRowsSpec,
  reference: choleskyRowsReference,
  cases: [
    ...blocks.filter(({ size, at, rows }) => size > at + rows).map(caseOf),
    caseOf({ size: 304, at: 32, rows: 8 }),
  ],
};
