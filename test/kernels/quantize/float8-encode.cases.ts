// Cases of quantize/float8-encode: both elements, every granularity and layout, ties and near-ties.
import { e4m3fn, e5m2, largestValue, microfloatTable, type Microfloat } from "../../../src/base/microfloat.ts";
import { absmaxScaleReference } from "../../../src/kernels/quantize/absmax-scale.ref.ts";
import { absmaxScaleCall } from "../../../src/kernels/quantize/absmax-scale.ts";
import { float8EncodeReference } from "../../../src/kernels/quantize/float8-encode.ref.ts";
import { float8EncodeCall, float8EncodeSpec } from "../../../src/kernels/quantize/float8-encode.ts";
import { codeCount, elementsOf, groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { groupAbsmaxReference } from "../../../src/kernels/quantize/group-absmax.ref.ts";
import { groupAbsmaxCall } from "../../../src/kernels/quantize/group-absmax.ts";
import { packedBytes } from "../../../src/kernels/quantize/shape.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import {
  blockedCases,
  bytesOf,
  computed,
  oneThreadEach,
  uniform,
  weights,
  wideCases,
  type ShapedCase,
} from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, element: Microfloat, scales?: Uint8Array) {
  const groups = groupCount(geometry);
  const whole = { segments: 1, length: elementsOf(geometry) };
  const absmax = computed(groupAbsmaxCall(geometry, layout, whole), groupAbsmaxReference, [source, groups * 4], 1);
  const made = computed(absmaxScaleCall(groups, largestValue(element)), absmaxScaleReference, [absmax, groups * 4], 1);
  return {
    name: `${name}, ${element.name}`,
    call: float8EncodeCall(geometry, layout, element),
    buffers: [source, scales ?? made, packedBytes(codeCount(geometry, layout), 8)],
  };
}

/** For each scale, every midpoint times it rounded to f32, with the neighbours on both sides. */
function nearTies(element: Microfloat) {
  const next = uniform(21);
  const scales = [
    1,
    0.5,
    2 ** -100,
    2 ** 90,
    ...Array.from({ length: 24 }, () => Math.fround((1 + next()) * 2 ** Math.floor(next() * 40 - 20))),
  ];
  const magnitudes = [...microfloatTable(element)]
    .filter((x) => Number.isFinite(x) && x >= 0)
    .toSorted((a, b) => a - b)
    .slice(1);
  const midpoints = magnitudes.slice(1).map((x, at) => (x + (magnitudes[at] ?? 0)) / 2);
  const values = new Float32Array(scales.length * midpoints.length * 3);
  const bits = new Uint32Array(values.buffer);
  let at = 0;
  for (const scale of scales) {
    for (const midpoint of midpoints) {
      values[at] = midpoint * scale;
      const centre = bits[at] ?? 0;
      bits[at + 1] = centre - 1;
      bits[at + 2] = centre + 1;
      if (at % 2 === 1) values[at] = -(values[at] ?? 0);
      at += 3;
    }
  }
  const geometry = { kind: "wide", outer: 1, channels: scales.length, inner: midpoints.length * 3 } as const;
  return caseOf(
    { name: "midpoints and their neighbours", geometry, layout: "natural", source: bytesOf(values) },
    element,
    bytesOf(scales),
  );
}

const long: ShapedCase = {
  name: "long",
  geometry: { kind: "wide", outer: 1, channels: 1, inner: 2_097_300 },
  layout: "natural",
  source: bytesOf(weights(2_097_300)),
};
const elements = [e4m3fn, e5m2];
const beyond: ShapedCase = {
  name: "beyond the largest value, under scale 0 and 1",
  geometry: { kind: "wide", outer: 1, channels: 2, inner: 4 },
  layout: "natural",
  source: bytesOf([1, -1, 3e38, 0, 449, -465, 3e38, -1e6]),
};

export const room: KernelRoom = {
  spec: float8EncodeSpec,
  reference: float8EncodeReference,
  cases: [
    ...elements.flatMap((element) => [...blockedCases(32), ...wideCases()].map((shaped) => caseOf(shaped, element))),
    ...elements.flatMap((element) => [nearTies(element), caseOf(beyond, element, bytesOf([0, 1]))]),
    oneThreadEach(caseOf(long, e4m3fn), 65_541),
  ],
};
