// Cases of quantize/group-absmax: every granularity, whole groups, segments, and folding them.
import { groupAbsmaxReference } from "../../../src/kernels/quantize/group-absmax.ref.ts";
import { groupAbsmaxCall, groupAbsmaxSpec } from "../../../src/kernels/quantize/group-absmax.ts";
import { groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { partialsOf, segmentsOf, type Segmentation } from "../../../src/kernels/quantize/shape.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { blockedCases, bytesOf, oneThreadEach, weights, wideCases, type ShapedCase } from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, cut: Segmentation = segmentsOf(geometry)) {
  return {
    name: `${name}, ${cut.segments} segments`,
    call: groupAbsmaxCall(geometry, layout, cut),
    buffers: [source, groupCount(geometry) * cut.segments * 4],
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
  spec: groupAbsmaxSpec,
  reference: groupAbsmaxReference,
  cases: [
    ...blockedCases(32).map((shaped) => caseOf(shaped)),
    ...wideCases().map((shaped) => caseOf(shaped)),
    ...uneven.map((shaped) => caseOf(shaped, { segments: 9, length: 35 })),
    {
      name: "fold",
      call: groupAbsmaxCall(partialsOf(70, 9), "natural", { segments: 1, length: 9 }),
      buffers: [bytesOf(weights(630)), 280],
    },
    oneThreadEach(caseOf(pairs), 65_540),
  ],
};
