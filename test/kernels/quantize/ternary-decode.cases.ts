// Cases of quantize/ternary-decode: every code under every granularity and layout.
import { ternaryDecodeReference } from "../../../src/kernels/quantize/ternary-decode.ref.ts";
import { ternaryDecodeCall, ternaryDecodeSpec } from "../../../src/kernels/quantize/ternary-decode.ts";
import { codeCount, elementsOf, groupCount } from "../../../src/kernels/quantize/geometry.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import {
  allCodes,
  blockedCases,
  bytesOf,
  oneThreadEach,
  weights,
  wideCases,
  type ShapedCase,
} from "./float-fixtures.ts";

function caseOf({ name, geometry, layout }: Omit<ShapedCase, "source">) {
  const scales = weights(groupCount(geometry)).map(Math.abs);
  scales[0] = 0;
  const codes = allCodes(codeCount(geometry, layout), 2);
  return {
    name,
    call: ternaryDecodeCall(geometry, layout),
    buffers: [codes, bytesOf(scales), elementsOf(geometry) * 4],
  };
}

const shapes = [...blockedCases(16).slice(0, 13), ...wideCases().slice(0, 7)];

export const room: KernelRoom = {
  spec: ternaryDecodeSpec,
  reference: ternaryDecodeReference,
  cases: [
    ...shapes.map(caseOf),
    oneThreadEach(
      caseOf({ name: "long", geometry: { kind: "wide", outer: 2, channels: 5, inner: 6_554 }, layout: "natural" }),
      65_540,
    ),
  ],
};
