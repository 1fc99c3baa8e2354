// Cases of quantize/mx-encode: every element, every layout, all ties, scales at both ends.
import {
  e2m1,
  e2m3,
  e3m2,
  e4m3fn,
  e5m2,
  microfloatBits,
  microfloatTable,
  type Microfloat,
} from "../../../src/base/microfloat.ts";
import { codeCount, groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { mxEncodeReference } from "../../../src/kernels/quantize/mx-encode.ref.ts";
import { mxEncodeCall, mxEncodeSpec } from "../../../src/kernels/quantize/mx-encode.ts";
import { mxScaleReference } from "../../../src/kernels/quantize/mx-scale.ref.ts";
import { mxScaleCall, type MxScaleRule } from "../../../src/kernels/quantize/mx-scale.ts";
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

function caseOf(
  { name, geometry, layout, source }: ShapedCase,
  element: Microfloat,
  rule: MxScaleRule,
  given?: Uint8Array,
) {
  if (geometry.kind === "wide") throw new Error("microscaling is blocked");
  const scales =
    given ??
    computed(
      mxScaleCall(geometry, layout, element, rule),
      mxScaleReference,
      [source, wordsFor(groupCount(geometry))],
      1,
    );
  return {
    name: `${name}, ${element.name} ${rule}`,
    call: mxEncodeCall(geometry, layout, element),
    buffers: [source, scales, packedBytes(codeCount(geometry, layout), microfloatBits(element))],
  };
}

/** All midpoints of the element times each scale, with the f32 neighbours on both sides. */
function allTies(element: Microfloat) {
  const scaleBytes = [100, 127, 1, 20, 200, 254, 0, 0xff];
  const magnitudes = [...microfloatTable(element)]
    .filter((x) => Number.isFinite(x) && x >= 0)
    .toSorted((a, b) => a - b)
    .slice(1);
  const middles = magnitudes.slice(1).flatMap((x, at) => {
    const middle = (x + (magnitudes[at] ?? 0)) / 2;
    return [middle, middle * (1 - 2 ** -24), -middle * (1 + 2 ** -23), -middle];
  });
  const perScale = Math.ceil(middles.length / 32) * 32;
  const values: number[] = [];
  for (const byte of scaleBytes) {
    for (let at = 0; at < perScale; at++) {
      const value = Math.fround((middles[at] ?? 0) * 2 ** (byte - 127));
      values.push(Number.isFinite(value) ? value : 3e38);
    }
  }
  const blocksEach = perScale / 32;
  const scales = new Uint8Array(wordsFor(scaleBytes.length * blocksEach));
  for (const [at, byte] of scaleBytes.entries()) scales.fill(byte, at * blocksEach, (at + 1) * blocksEach);
  const geometry = { kind: "blocked", outer: 1, dim: values.length, inner: 1, blockSize: 32 } as const;
  return caseOf({ name: "all ties", geometry, layout: "natural", source: bytesOf(values) }, element, "floor", scales);
}

const elements = [e2m1, e2m3, e3m2, e4m3fn, e5m2];
const long: ShapedCase = {
  name: "long",
  geometry: { kind: "blocked", outer: 1, dim: 2_097_300, inner: 1, blockSize: 32 },
  layout: "natural",
  source: bytesOf(weights(2_097_300)),
};

export const room: KernelRoom = {
  spec: mxEncodeSpec,
  reference: mxEncodeReference,
  cases: [
    ...[e2m1, e3m2, e5m2].flatMap((element) => blockedCases(32).map((shaped) => caseOf(shaped, element, "rceil"))),
    ...[e2m3, e4m3fn].flatMap((element) => blockedCases(32).map((shaped) => caseOf(shaped, element, "floor"))),
    ...elements.map(allTies),
    oneThreadEach(caseOf(long, e2m1, "even"), 65_541),
  ],
};
