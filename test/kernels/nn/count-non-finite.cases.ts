// Cases of nn/count-non-finite: none, one of each, at the ends, more elements than lanes, nothing but NaN.
import { countNonFiniteReference } from "../../../src/kernels/nn/count-non-finite.ref.ts";
import { countNonFiniteCall, countNonFiniteSpec, lanesFor } from "../../../src/kernels/nn/count-non-finite.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

function caseOf(name: string, count: number, broken: Readonly<Record<number, number>>, other = 1): KernelCase {
  const values = Float32Array.from({ length: count }, (_, i) => broken[i] ?? other * i);
  return {
    name: `${name}, ${count}`,
    call: countNonFiniteCall(count),
    buffers: [new Uint8Array(values.buffer), 12 * lanesFor(count)],
  };
}

const infinity = Number.POSITIVE_INFINITY;

export const room: KernelRoom = {
  spec: countNonFiniteSpec,
  reference: countNonFiniteReference,
  cases: [
    caseOf("finite", 1000, { 7: 3.4e38, 8: -3.4e38, 9: 1e-45 }),
    caseOf("NaN", 1, { 0: Number.NaN }),
    caseOf("ends", 777, { 0: Number.NaN, 300: -infinity, 301: infinity, 776: Number.NaN }),
    caseOf("infinities", 70_001, { 69_999: infinity, 70_000: -infinity }),
    caseOf("all", 5000, {}, Number.NaN),
  ],
};
