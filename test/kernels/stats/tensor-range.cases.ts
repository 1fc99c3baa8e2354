// Cases of stats/tensor-range. All words but the two sums must be exact.
import { rangeRecordBytes, rangeWords } from "../../../src/kernels/stats/range-fold.ts";
import { tensorRangeReference } from "../../../src/kernels/stats/tensor-range.ref.ts";
import { tensorRangeBytes, tensorRangeCall, tensorRangeSpec } from "../../../src/kernels/stats/tensor-range.ts";
import { bytesOf, contents, weights } from "../../support/float-data.ts";
import { compareRecords } from "../../support/records.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

function rangeCase(name: string, source: Float32Array, quads?: number, wg = 64): KernelCase {
  return {
    name,
    call: tensorRangeCall(source.length, quads, { wg }),
    buffers: [bytesOf(source), tensorRangeBytes(source.length, quads)],
  };
}

/** Sums of these stay within the range of f32. */
const calm = (values: Float32Array): Float32Array =>
  values.map((x) => (Number.isFinite(x) && (Math.abs(x) > 2 ** 60 || (x !== 0 && Math.abs(x) < 2 ** -50)) ? 1 : x));
const positive = (count: number): Float32Array => weights(count).map((x) => Math.abs(x) + 0.01);

export const room: KernelRoom = {
  spec: tensorRangeSpec,
  reference: tensorRangeReference,
  compare: (_binding, gpu, reference) =>
    compareRecords(gpu, reference, {
      words: rangeWords,
      recordBytes: rangeRecordBytes,
      exact: rangeWords.filter((word) => !word.startsWith("sum")),
      // Sums of either sign may cancel; they are held against their size, not their result.
      tolerance: { relative: 1e-4, floor: 1e-2 },
    }),
  cases: [
    ...[1, 2, 3, 4, 5, 255, 256, 257, 70_001].map((count) => rangeCase(`${count} elements`, positive(count))),
    ...contents(1003).map(([name, values]) =>
      rangeCase(name, name === "any bits" ? values.map((x) => (Number.isFinite(x) ? Math.sign(x) : x)) : calm(values)),
    ),
    rangeCase("long segments", positive(1_000_003)),
    rangeCase("more than 65,535 workgroups", weights(263_000), 1, 1),
  ],
};
