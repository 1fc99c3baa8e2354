// Cases of quantize/group-range: every granularity, whole groups, segments in runs and in turn.
import { groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { groupRangeReference } from "../../../src/kernels/quantize/group-range.ref.ts";
import { groupRangeCall, groupRangeSpec, rangeCut, type RangeCut } from "../../../src/kernels/quantize/group-range.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { blockedCases, bytesOf, oneThreadEach, weights, wideCases, type ShapedCase } from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, cut: RangeCut = rangeCut(geometry)) {
  return {
    name: `${name}, ${cut.segments} segments in turns of ${cut.interleave}`,
    call: groupRangeCall(geometry, layout, cut),
    buffers: [source, groupCount(geometry) * cut.segments * 8],
  };
}

const channels = wideCases().filter(({ name }) => name.startsWith("channels"));
const pairs: ShapedCase = {
  name: "blocks of 2",
  geometry: { kind: "blocked", outer: 1, dim: 131_080, inner: 1, blockSize: 2 },
  layout: "natural",
  source: bytesOf(weights(131_080)),
};

export const room: KernelRoom = {
  spec: groupRangeSpec,
  reference: groupRangeReference,
  cases: [
    ...blockedCases(32).map((shaped) => caseOf(shaped)),
    ...wideCases().map((shaped) => caseOf(shaped)),
    ...channels.map((shaped) => caseOf(shaped, { segments: 11, length: 280, interleave: 1 })),
    ...channels.map((shaped) => caseOf(shaped, { segments: 128, length: 25, interleave: 64 })),
    oneThreadEach(caseOf(pairs), 65_540),
  ],
};
