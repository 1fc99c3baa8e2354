// Cases of quantize/mx-scale: every element and rule; absmax around each rule's turning points.
import { e2m1, e2m3, e3m2, e4m3fn, e5m2, largestValue, type Microfloat } from "../../../src/base/microfloat.ts";
import type { BlockedGeometry } from "../../../src/kernels/quantize/geometry.ts";
import { groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { mxScaleReference } from "../../../src/kernels/quantize/mx-scale.ref.ts";
import { mxScaleCall, mxScaleSpec, type MxScaleRule } from "../../../src/kernels/quantize/mx-scale.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { blockedCases, bytesOf, oneThreadEach, weights, wordsFor, type ShapedCase } from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, element: Microfloat, rule: MxScaleRule) {
  if (geometry.kind === "wide") throw new Error("microscaling is blocked");
  return {
    name: `${name}, ${element.name} ${rule}`,
    call: mxScaleCall(geometry, layout, element, rule),
    buffers: [source, wordsFor(groupCount(geometry))],
  };
}

/** One block per absmax: turning points of the rules, their neighbours, in all binades that matter. */
function turningPoints(element: Microfloat): ShapedCase {
  const mantissa = largestValue(element) / 2 ** Math.floor(Math.log2(largestValue(element)));
  const tops: number[] = [];
  for (const exponent of [-149, -127, -126, -124, -120, -118, -111, -100, -1, 0, 1, 60, 127]) {
    for (const m of [1, mantissa, 1.75]) {
      for (const step of [-1, 0, 1]) {
        const top = m * 2 ** exponent * (1 + step * 2 ** -23);
        tops.push(Number.isFinite(Math.fround(top)) ? top : 1);
      }
    }
  }
  const values = new Float32Array(tops.length * 32);
  for (const [at, top] of tops.entries()) values[at * 32 + (at % 32)] = at % 2 === 0 ? top : -top;
  const geometry: BlockedGeometry = { kind: "blocked", outer: tops.length, dim: 32, inner: 1, blockSize: 32 };
  return { name: "turning points", geometry, layout: "rows", source: bytesOf(values) };
}

const elements = [e2m1, e2m3, e3m2, e4m3fn, e5m2];
const rules: MxScaleRule[] = ["floor", "rceil", "even"];
const long: ShapedCase = {
  name: "long",
  geometry: { kind: "blocked", outer: 1, dim: 32, inner: 262_150, blockSize: 32 },
  layout: "natural",
  source: bytesOf(weights(32 * 262_150)),
};

export const room: KernelRoom = {
  spec: mxScaleSpec,
  reference: mxScaleReference,
  cases: [
    ...blockedCases(32).map((shaped) => caseOf(shaped, e2m1, "rceil")),
    ...elements.flatMap((element) => rules.map((rule) => caseOf(turningPoints(element), element, rule))),
    oneThreadEach(caseOf(long, e2m1, "rceil"), 65_538),
  ],
};
