// Cases of quantize/nvfp4-encode: every layout, elements at and around the midpoints of E2M1.
import { e4m3fn, microfloatTable } from "../../../src/base/microfloat.ts";
import { codeCount, groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { nvfp4EncodeReference } from "../../../src/kernels/quantize/nvfp4-encode.ref.ts";
import { nvfp4EncodeCall, nvfp4EncodeSpec } from "../../../src/kernels/quantize/nvfp4-encode.ts";
import { nvfp4ScaleReference } from "../../../src/kernels/quantize/nvfp4-scale.ref.ts";
import { nvfp4ScaleCall } from "../../../src/kernels/quantize/nvfp4-scale.ts";
import { packedBytes } from "../../../src/kernels/quantize/shape.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import {
  blockedCases,
  bytesOf,
  computed,
  oneThreadEach,
  weights,
  wordsFor,
  type ShapedCase,
} from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, divisor: number, given?: Uint8Array) {
  if (geometry.kind === "wide") throw new Error("NVFP4 is blocked");
  const global = bytesOf([divisor]);
  const bytes = wordsFor(groupCount(geometry));
  const scales = given ?? computed(nvfp4ScaleCall(geometry, layout), nvfp4ScaleReference, [source, global, bytes], 2);
  return {
    name: `${name}, global ${divisor}`,
    call: nvfp4EncodeCall(geometry, layout),
    buffers: [source, global, scales, packedBytes(codeCount(geometry, layout), 4)],
  };
}

/** A block per positive local scale: x = midpoint * local / divisor and its neighbours. */
function midpoints(divisor: number) {
  const middles = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, 6.5];
  const locals = [...microfloatTable(e4m3fn).slice(0, 127).keys()];
  const values = locals.flatMap((code) => {
    const local = microfloatTable(e4m3fn)[code] ?? 0;
    return middles.flatMap((m, at) => {
      const x = Math.fround((m * local) / divisor);
      return at % 2 === 0 ? [x, -x * (1 - 2 ** -24)] : [-x, x * (1 + 2 ** -23)];
    });
  });
  const scales = new Uint8Array(wordsFor(locals.length));
  scales.set(locals);
  const geometry = { kind: "blocked", outer: locals.length, dim: 16, inner: 1, blockSize: 16 } as const;
  return caseOf({ name: "midpoints", geometry, layout: "rows", source: bytesOf(values) }, Math.fround(divisor), scales);
}

const long: ShapedCase = {
  name: "long",
  geometry: { kind: "blocked", outer: 1, dim: 2_097_300, inner: 1, blockSize: 16 },
  layout: "natural",
  source: bytesOf(weights(2_097_300)),
};

export const room: KernelRoom = {
  spec: nvfp4EncodeSpec,
  reference: nvfp4EncodeReference,
  cases: [
    ...blockedCases(16).map((shaped) => caseOf(shaped, Math.fround(2688 / 0.9))),
    ...[1, 3, 0.1, 1234.567, 2 ** -80, 2 ** 100].map(midpoints),
    oneThreadEach(caseOf(long, 5000), 65_541),
  ],
};
