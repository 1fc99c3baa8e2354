// Cases of quantize/range-merge: even and ragged spans, one range, many groups.
import { rangeMergeReference } from "../../../src/kernels/quantize/range-merge.ref.ts";
import { rangeMergeCall, rangeMergeSpec } from "../../../src/kernels/quantize/range-merge.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf, weights } from "./float-fixtures.ts";

function mergeCase(groups: number, count: number, span: number, wg = 64): KernelCase {
  const values = weights(groups * count * 2, count);
  const ranges = values.map((x, i) => (i % 2 === 0 ? -Math.abs(x) : Math.abs(x)));
  return {
    name: `${groups} x ${count} by ${span}`,
    call: rangeMergeCall(groups, count, span, { wg }),
    buffers: [bytesOf(ranges), groups * Math.ceil(count / span) * 8],
  };
}

export const room: KernelRoom = {
  spec: rangeMergeSpec,
  reference: rangeMergeReference,
  cases: [
    mergeCase(1, 1, 64),
    mergeCase(1, 64, 64),
    mergeCase(1, 65, 64),
    mergeCase(3, 130, 64),
    mergeCase(70, 9, 4),
    mergeCase(1, 5000, 7),
    mergeCase(65_540, 2, 2, 1),
  ],
};
