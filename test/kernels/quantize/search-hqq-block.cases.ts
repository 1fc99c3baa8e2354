// Cases of quantize/search-hqq-block: every width of codes and scheme, rows and strided, tails, importance,
// f16 scales, and tensors that must be left alone.
import { hqqPowers } from "../../../src/kernels/quantize/hqq-rule.ts";
import { searchHqqBlockReference } from "../../../src/kernels/quantize/search-hqq-block.ref.ts";
import { searchHqqBlockCall, searchHqqBlockSpec } from "../../../src/kernels/quantize/search-hqq-block.ts";
import type { BlockedGeometry, CodeLayout } from "../../../src/kernels/quantize/geometry.ts";
import type { SearchTarget } from "../../../src/kernels/quantize/search-units.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { absmaxStart, bytesOf, randomValues, target, type Character } from "./search-cases.ts";

interface Options {
  readonly weighted?: boolean;
  readonly layout?: CodeLayout;
  readonly wg?: number;
}

function hqqCase(
  name: string,
  of: SearchTarget,
  [outer, dim, inner, blockSize]: readonly [number, number, number, number],
  character: Character,
  { weighted = false, layout = "natural", wg = 64 }: Options = {},
): KernelCase {
  const geometry: BlockedGeometry = { kind: "blocked", outer, dim, inner, blockSize };
  const x = randomValues(character, outer * dim * inner, outer + dim * 3 + blockSize);
  const start = absmaxStart(of, geometry, layout, x);
  const importance = randomValues("positive", dim, 99);
  return {
    name,
    call: searchHqqBlockCall(of, geometry, layout, weighted, { wg }),
    buffers: [
      bytesOf(x),
      bytesOf(importance),
      bytesOf(Uint32Array.from(hqqPowers())),
      bytesOf(start.scales),
      bytesOf(start.zeroPoints),
    ],
  };
}

const schemes = ["symmetric", "full", "asymmetric"] as const;
const four = target(4, "asymmetric");

export const room: KernelRoom = {
  spec: searchHqqBlockSpec,
  reference: searchHqqBlockReference,
  cases: [
    ...([2, 4, 8] as const).flatMap((bits) =>
      schemes.flatMap((scheme) => [
        hqqCase(`${bits} bits ${scheme}, blocks of 32`, target(bits, scheme), [5, 96, 1, 32], "gauss"),
        hqqCase(`${bits} bits ${scheme}, f16 scales, importance, blocks of 128`, target(bits, scheme, true), [3, 300, 1, 128], "laplace", { weighted: true }), // prettier-ignore
        hqqCase(`${bits} bits ${scheme}, outliers, rows, strided`, target(bits, scheme), [2, 70, 3, 16], "outlier", { layout: "rows" }), // prettier-ignore
      ]),
    ),
    hqqCase("one element", four, [1, 1, 1, 32], "gauss"),
    hqqCase("positive weights, importance", four, [2, 64, 1, 32], "positive", { weighted: true }),
    hqqCase("blocks of 1024, importance", four, [2, 1500, 1, 1024], "outlier", { weighted: true }),
    hqqCase("all zero", four, [1, 64, 1, 32], "zero"),
    hqqCase("all equal", four, [1, 64, 1, 32], "constant"),
    hqqCase("near the smallest scales", four, [1, 256, 1, 32], "tiny"),
    hqqCase("NaN, infinity, subnormals, huge", four, [4, 97, 1, 32], "wild"),
    hqqCase("more than 65,535 workgroups", four, [65_600, 4, 1, 4], "gauss", { wg: 1 }),
  ],
};
