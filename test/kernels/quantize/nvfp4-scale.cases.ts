// Cases of quantize/nvfp4-scale: every layout, absmax at and around the midpoints of E4M3.
import { e4m3fn, microfloatTable } from "../../../src/base/microfloat.ts";
import type { BlockedGeometry } from "../../../src/kernels/quantize/geometry.ts";
import { groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { nvfp4ScaleReference } from "../../../src/kernels/quantize/nvfp4-scale.ref.ts";
import { nvfp4ScaleCall, nvfp4ScaleSpec } from "../../../src/kernels/quantize/nvfp4-scale.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { blockedCases, bytesOf, oneThreadEach, weights, wordsFor, type ShapedCase } from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, divisor: number) {
  if (geometry.kind === "wide") throw new Error("NVFP4 is blocked");
  return {
    name: `${name}, global ${divisor}`,
    call: nvfp4ScaleCall(geometry, layout),
    buffers: [source, bytesOf([divisor]), wordsFor(groupCount(geometry))],
  };
}

/** One block per midpoint m and neighbour: absmax = m * 6 / divisor. */
function midpoints(divisor: number): ShapedCase {
  const magnitudes = [...microfloatTable(e4m3fn)].filter((x) => x >= 0).toSorted((a, b) => a - b);
  const tops = magnitudes.slice(1).flatMap((x, at) => {
    const top = (((x + (magnitudes[at] ?? 0)) / 2) * 6) / divisor;
    return [top * (1 - 2 ** -24), top, top * (1 + 2 ** -23)];
  });
  const values = new Float32Array(tops.length * 16);
  for (const [at, top] of tops.entries()) values[at * 16 + (at % 16)] = at % 2 === 0 ? top : -top;
  const geometry: BlockedGeometry = { kind: "blocked", outer: tops.length, dim: 16, inner: 1, blockSize: 16 };
  return { name: "midpoints", geometry, layout: "rows", source: bytesOf(values) };
}

const long: ShapedCase = {
  name: "long",
  geometry: { kind: "blocked", outer: 1, dim: 16, inner: 262_150, blockSize: 16 },
  layout: "natural",
  source: bytesOf(weights(16 * 262_150)),
};

export const room: KernelRoom = {
  spec: nvfp4ScaleSpec,
  reference: nvfp4ScaleReference,
  cases: [
    ...blockedCases(16).map((shaped) => caseOf(shaped, 2688 / 0.9)),
    ...[1, 3, 0.1, 1234.567, 2 ** -80, 2 ** 110, 2 ** 127].map((divisor) =>
      caseOf(midpoints(divisor), Math.fround(divisor)),
    ),
    oneThreadEach(caseOf(long, 5000), 65_538),
  ],
};
