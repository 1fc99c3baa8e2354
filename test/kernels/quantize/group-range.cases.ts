// Cases of quantize/group-range: every granularity, whole groups, segments in runs and in turn.
import { groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { groupRangeReference } from "../../../src/kernels/quantize/group-range.ref.ts";
import { groupRangeCall, groupRangeSpec, rangeCut, type RangeCut } from "../../../src/kernels/quantize/group-range.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { blockedCases, bytesOf, oneThreadEach, weights, wideCases, type ShapedCase } from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, cut: RangeCut = rangeCut(geometry)) {
  return {
    name: `${name}, ${cut.segments} segments in turns of ${cut.interleave}`,
    call: (variant: string) => groupRangeCall(geometry, layout, cut, {}, variant),
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

/** Columns of subnormals, of one sign, of zeros, and of what is not finite. */
function awkward(isHalved: boolean): ShapedCase {
  const kinds = [1e-40, -1e-40, 2, -2, 0, -0, NaN, Infinity, -Infinity, 1e-38, -1e-38, 3];
  const values = Float32Array.from({ length: 7 * kinds.length }, (_, i) => {
    const kind = kinds[i % kinds.length] ?? 0;
    return Math.floor(i / kinds.length) === 3 || !isHalved ? kind : kind * (Number.isFinite(kind) ? 0.5 : 1);
  });
  return {
    name: isHalved ? "awkward columns, halved" : "awkward columns",
    geometry: { kind: "wide", outer: 7, channels: kinds.length, inner: 1 },
    layout: "natural",
    source: bytesOf(values),
  };
}

export const room: KernelRoom = {
  spec: groupRangeSpec,
  reference: groupRangeReference,
  cases: [
    ...blockedCases(32).map((shaped) => caseOf(shaped)),
    ...wideCases().map((shaped) => caseOf(shaped)),
    ...channels.map((shaped) => caseOf(shaped, { segments: 11, length: 280, interleave: 1 })),
    ...channels.map((shaped) => caseOf(shaped, { segments: 128, length: 25, interleave: 64 })),
    ...[awkward(false), awkward(true)].map((shaped) => caseOf(shaped)),
    ...[awkward(false), awkward(true)].map((shaped) => caseOf(shaped, { segments: 3, length: 3, interleave: 1 })),
    oneThreadEach({ ...caseOf(pairs), call: groupRangeCall(pairs.geometry, pairs.layout) }, 65_540),
  ],
};
