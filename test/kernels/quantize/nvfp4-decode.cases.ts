// Cases of quantize/nvfp4-decode: every code under every local scale and layout.
import { codeCount, elementsOf, groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { nvfp4DecodeReference } from "../../../src/kernels/quantize/nvfp4-decode.ref.ts";
import { nvfp4DecodeCall, nvfp4DecodeSpec } from "../../../src/kernels/quantize/nvfp4-decode.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { allCodes, blockedCases, bytesOf, oneThreadEach, wordsFor, type ShapedCase } from "./float-fixtures.ts";

function caseOf({ name, geometry, layout }: Omit<ShapedCase, "source">, divisor: number) {
  const groups = groupCount(geometry);
  const scales = new Uint8Array(wordsFor(groups));
  for (let at = 0; at < groups; at++) scales[at] = at % 128;
  return {
    name: `${name}, global ${divisor}`,
    call: nvfp4DecodeCall(geometry, layout),
    buffers: [allCodes(codeCount(geometry, layout), 4), bytesOf([divisor]), scales, elementsOf(geometry) * 4],
  };
}

const locals = {
  name: "all local scales",
  geometry: { kind: "blocked", outer: 128, dim: 16, inner: 1, blockSize: 16 },
  layout: "rows",
} as const;
const long = {
  name: "long",
  geometry: { kind: "blocked", outer: 1, dim: 65_570, inner: 1, blockSize: 16 },
  layout: "natural",
} as const;

export const room: KernelRoom = {
  spec: nvfp4DecodeSpec,
  reference: nvfp4DecodeReference,
  cases: [
    ...blockedCases(16)
      .slice(0, 13)
      .map((shaped) => caseOf(shaped, 2986.6)),
    ...[1, 3, 0.1, 1234.567, 2 ** -80, 2 ** 117, 2 ** 127].map((divisor) => caseOf(locals, divisor)),
    oneThreadEach(caseOf(long, 3), 65_570),
  ],
};
