// Cases of quantize/group-sum: every granularity, with and without a threshold.
import { groupAbsmaxReference } from "../../../src/kernels/quantize/group-absmax.ref.ts";
import { groupAbsmaxCall } from "../../../src/kernels/quantize/group-absmax.ts";
import { groupSumReference } from "../../../src/kernels/quantize/group-sum.ref.ts";
import { groupSumCall, groupSumSpec } from "../../../src/kernels/quantize/group-sum.ts";
import { elementsOf, groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { asF32, segmentsOf, type Segmentation } from "../../../src/kernels/quantize/shape.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import {
  blockedCases,
  bytesOf,
  computed,
  oneThreadEach,
  weights,
  wideCases,
  type ShapedCase,
} from "./float-fixtures.ts";

function caseOf(
  { name, geometry, layout, source }: ShapedCase,
  above: boolean,
  cut: Segmentation = segmentsOf(geometry),
) {
  const groups = groupCount(geometry);
  const whole = { segments: 1, length: elementsOf(geometry) };
  const absmax = computed(groupAbsmaxCall(geometry, layout, whole), groupAbsmaxReference, [source, groups * 4], 1);
  const thresholds = bytesOf(asF32(absmax).map((x) => x * 0.3));
  return {
    name: `${name}, ${above ? "above a threshold" : "all"}, ${cut.segments} segments`,
    call: groupSumCall(geometry, layout, cut, above),
    buffers: [source, absmax, above ? thresholds : absmax, groups * cut.segments * 12],
  };
}

const uneven = wideCases().filter(({ name }) => name.startsWith("channels"));
const pairs: ShapedCase = {
  name: "blocks of 2",
  geometry: { kind: "blocked", outer: 1, dim: 131_080, inner: 1, blockSize: 2 },
  layout: "natural",
  source: bytesOf(weights(131_080)),
};

export const room: KernelRoom = {
  spec: groupSumSpec,
  reference: groupSumReference,
  cases: [
    ...blockedCases(16).map((shaped) => caseOf(shaped, false)),
    ...blockedCases(64).map((shaped) => caseOf(shaped, true)),
    ...wideCases().flatMap((shaped) => [caseOf(shaped, false), caseOf(shaped, true)]),
    ...uneven.map((shaped) => caseOf(shaped, true, { segments: 9, length: 35 })),
    oneThreadEach(caseOf(pairs, false), 65_540),
  ],
};
