// Cases of quantize/clip-block: one and both ends, tails, layouts, percentiles, tensors without spread.
import { clipBlockReference } from "../../../src/kernels/quantize/clip-block.ref.ts";
import { clipBlockCall, clipBlockSpec } from "../../../src/kernels/quantize/clip-block.ts";
import type { BlockedGeometry, CodeLayout } from "../../../src/kernels/quantize/geometry.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { absmaxStart, bytesOf, randomValues, target, type Character } from "./search-cases.ts";

function clipCase(
  name: string,
  [outer, dim, inner, blockSize]: readonly [number, number, number, number],
  character: Character,
  percentile: number,
  bothEnds: boolean,
  layout: CodeLayout = "natural",
  wg = 64,
): KernelCase {
  const geometry: BlockedGeometry = { kind: "blocked", outer, dim, inner, blockSize };
  const x = randomValues(character, outer * dim * inner, dim + blockSize);
  const { scales } = absmaxStart(target(4, "full"), geometry, layout, x);
  return {
    name,
    call: clipBlockCall(geometry, layout, percentile, bothEnds, { wg }),
    buffers: [bytesOf(x), bytesOf(scales), scales.length * 8],
  };
}

export const room: KernelRoom = {
  spec: clipBlockSpec,
  reference: clipBlockReference,
  cases: [false, true].flatMap((both) => [
    clipCase(`one element, ${both ? "both ends" : "absolute"}`, [1, 1, 1, 32], "gauss", 99, both),
    clipCase(`blocks of 32, ${both ? "both ends" : "absolute"}`, [5, 96, 1, 32], "outlier", 90, both),
    clipCase(`rows, strided, tails, ${both ? "both ends" : "absolute"}`, [2, 70, 3, 32], "gauss", 95, both, "rows"),
    clipCase(`blocks of 1024, ${both ? "both ends" : "absolute"}`, [2, 1500, 1, 1024], "laplace", 99.9, both),
    clipCase(`percentile 100, ${both ? "both ends" : "absolute"}`, [2, 64, 1, 16], "gauss", 100, both),
    clipCase(`positive, ${both ? "both ends" : "absolute"}`, [2, 64, 1, 16], "positive", 80, both),
    clipCase(`all zero, ${both ? "both ends" : "absolute"}`, [1, 64, 1, 32], "zero", 99, both),
    clipCase(`all equal, ${both ? "both ends" : "absolute"}`, [1, 64, 1, 32], "constant", 99, both),
    clipCase(`NaN, infinity, subnormals, ${both ? "both ends" : "absolute"}`, [4, 97, 1, 32], "wild", 99, both),
    clipCase(`more than 65,535 workgroups, ${both ? "both ends" : "absolute"}`, [65_600, 4, 1, 4], "gauss", 75, both, "natural", 1), // prettier-ignore
  ]),
};
