// Cases of quantize/float8-decode: every code of both elements under every granularity and layout.
import { e4m3fn, e5m2, type Microfloat } from "../../../src/base/microfloat.ts";
import { float8DecodeReference } from "../../../src/kernels/quantize/float8-decode.ref.ts";
import { float8DecodeCall, float8DecodeSpec } from "../../../src/kernels/quantize/float8-decode.ts";
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

function caseOf({ name, geometry, layout }: Omit<ShapedCase, "source">, element: Microfloat) {
  const scales = weights(groupCount(geometry)).map(Math.abs);
  for (const [at, scale] of [1, 0, 2 ** -115, 2 ** 80].entries()) if (scales.length > at * 3) scales[at * 3] = scale;
  const codes = allCodes(codeCount(geometry, layout), 8);
  return {
    name: `${name}, ${element.name}`,
    call: float8DecodeCall(geometry, layout, element),
    buffers: [codes, bytesOf(scales), elementsOf(geometry) * 4],
  };
}

const shapes = [...blockedCases(32).slice(0, 13), ...wideCases().slice(0, 7)];
const long = {
  name: "long",
  geometry: { kind: "wide", outer: 2, channels: 5, inner: 6_554 },
  layout: "natural",
} as const;

export const room: KernelRoom = {
  spec: float8DecodeSpec,
  reference: float8DecodeReference,
  cases: [
    ...[e4m3fn, e5m2].flatMap((element) => shapes.map((shaped) => caseOf(shaped, element))),
    oneThreadEach(caseOf(long, e4m3fn), 65_540),
  ],
};
