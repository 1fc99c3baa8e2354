// Cases of quantize/ternary-encode: every granularity and layout, elements at their threshold.
import { ternaryEncodeReference } from "../../../src/kernels/quantize/ternary-encode.ref.ts";
import { ternaryEncodeCall, ternaryEncodeSpec } from "../../../src/kernels/quantize/ternary-encode.ts";
import { codeCount, groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { packedBytes } from "../../../src/kernels/quantize/shape.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import {
  blockedCases,
  bytesOf,
  oneThreadEach,
  uniform,
  weights,
  wideCases,
  type ShapedCase,
} from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, thresholds?: readonly number[]) {
  const next = uniform(9);
  const limits =
    thresholds ?? Array.from({ length: groupCount(geometry) }, (_, at) => (at % 5 === 4 ? 0 : next() * 0.1));
  return {
    name,
    call: ternaryEncodeCall(geometry, layout),
    buffers: [source, bytesOf(limits), packedBytes(codeCount(geometry, layout), 2)],
  };
}

const atThreshold: ShapedCase = {
  name: "at, below and above the threshold",
  geometry: { kind: "wide", outer: 1, channels: 1, inner: 6 },
  layout: "natural",
  source: bytesOf([0.5, -0.5, 0.49999997, 0.50000006, -0.50000006, 0]),
};
const long: ShapedCase = {
  name: "long",
  geometry: { kind: "wide", outer: 1, channels: 2, inner: 1_048_650 },
  layout: "natural",
  source: bytesOf(weights(2_097_300)),
};

export const room: KernelRoom = {
  spec: ternaryEncodeSpec,
  reference: ternaryEncodeReference,
  cases: [
    ...blockedCases(16).map((shaped) => caseOf(shaped)),
    ...wideCases().map((shaped) => caseOf(shaped)),
    caseOf(atThreshold, [0.5]),
    oneThreadEach(caseOf(long), 65_541),
  ],
};
