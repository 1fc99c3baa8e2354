// Cases of quantize/binary-encode: every granularity and layout.
import { binaryEncodeReference } from "../../../src/kernels/quantize/binary-encode.ref.ts";
import { binaryEncodeCall, binaryEncodeSpec } from "../../../src/kernels/quantize/binary-encode.ts";
import { codeCount } from "../../../src/kernels/quantize/geometry.ts";
import { packedBytes } from "../../../src/kernels/quantize/shape.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { blockedCases, bytesOf, oneThreadEach, weights, wideCases, type ShapedCase } from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase) {
  return {
    name,
    call: binaryEncodeCall(geometry, layout),
    buffers: [source, packedBytes(codeCount(geometry, layout), 1)],
  };
}

const long: ShapedCase = {
  name: "long",
  geometry: { kind: "wide", outer: 1, channels: 1, inner: 2_097_300 },
  layout: "natural",
  source: bytesOf(weights(2_097_300)),
};

export const room: KernelRoom = {
  spec: binaryEncodeSpec,
  reference: binaryEncodeReference,
  cases: [...blockedCases(48).map(caseOf), ...wideCases().map(caseOf), oneThreadEach(caseOf(long), 65_541)],
};
