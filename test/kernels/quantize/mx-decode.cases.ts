// Cases of quantize/mx-decode: every code of every element under every layout, scales at both ends.
import { e2m1, e2m3, e3m2, e4m3fn, e5m2, microfloatBits, type Microfloat } from "../../../src/base/microfloat.ts";
import { codeCount, elementsOf, groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { mxDecodeReference } from "../../../src/kernels/quantize/mx-decode.ref.ts";
import { mxDecodeCall, mxDecodeSpec } from "../../../src/kernels/quantize/mx-decode.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { allCodes, blockedCases, oneThreadEach, wordsFor, type ShapedCase } from "./float-fixtures.ts";

const scaleBytes = [127, 0, 254, 0xff, 1, 120, 3, 250, 14, 130, 115];

function caseOf({ name, geometry, layout }: Omit<ShapedCase, "source">, element: Microfloat) {
  const groups = groupCount(geometry);
  const scales = new Uint8Array(wordsFor(groups));
  for (let at = 0; at < groups; at++) scales[at] = scaleBytes[at % scaleBytes.length] ?? 0;
  return {
    name: `${name}, ${element.name}`,
    call: mxDecodeCall(geometry, layout, element),
    buffers: [allCodes(codeCount(geometry, layout), microfloatBits(element)), scales, elementsOf(geometry) * 4],
  };
}

const elements = [e2m1, e2m3, e3m2, e4m3fn, e5m2];
const long = {
  name: "long",
  geometry: { kind: "blocked", outer: 1, dim: 65_570, inner: 1, blockSize: 32 },
  layout: "natural",
} as const;

export const room: KernelRoom = {
  spec: mxDecodeSpec,
  reference: mxDecodeReference,
  cases: [
    ...elements.flatMap((element) =>
      blockedCases(32)
        .slice(0, 13)
        .map((shaped) => caseOf(shaped, element)),
    ),
    oneThreadEach(caseOf(long, e3m2), 65_570),
  ],
};
