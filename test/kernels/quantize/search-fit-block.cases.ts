// Cases of quantize/search-fit-block: both widths of codes and every scheme, layouts, ragged tails, f16 scales, and
// tensors that must be left alone.
import { searchFitBlockReference } from "../../../src/kernels/quantize/search-fit-block.ref.ts";
import { searchFitBlockCall, searchFitBlockSpec } from "../../../src/kernels/quantize/search-fit-block.ts";
import type { BlockedGeometry, CodeLayout } from "../../../src/kernels/quantize/geometry.ts";
import type { SearchTarget } from "../../../src/kernels/quantize/search-units.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { absmaxStart, bytesOf, randomValues, target, type Character } from "./search-cases.ts";

interface Options {
  readonly layout?: CodeLayout;
  readonly wg?: number;
}

function fitCase(
  name: string,
  of: SearchTarget,
  [outer, dim, inner, blockSize]: readonly [number, number, number, number],
  character: Character,
  { layout = "natural", wg = 64 }: Options = {},
): KernelCase {
  const geometry: BlockedGeometry = { kind: "blocked", outer, dim, inner, blockSize };
  const x = randomValues(character, outer * dim * inner, outer + dim * 3 + blockSize);
  const start = absmaxStart(of, geometry, layout, x);
  return {
    name,
    call: (variant) => searchFitBlockCall(of, geometry, layout, variant, { wg }),
    buffers: [bytesOf(x), bytesOf(start.scales), bytesOf(start.zeroPoints)],
  };
}

const schemes = ["symmetric", "full", "asymmetric"] as const;
const four = target(4, "symmetric");

export const room: KernelRoom = {
  spec: searchFitBlockSpec,
  reference: searchFitBlockReference,
  cases: [
    ...([2, 4] as const).flatMap((bits) =>
      schemes.flatMap((scheme) => [
        fitCase(`${bits} bits ${scheme}, blocks of 32`, target(bits, scheme), [50, 96, 1, 32], "gauss"),
        fitCase(`${bits} bits ${scheme}, f16 scales, ragged`, target(bits, scheme, true), [9, 300, 1, 32], "laplace"),
        fitCase(`${bits} bits ${scheme}, outliers, rows, strided`, target(bits, scheme), [2, 70, 9, 16], "outlier", { layout: "rows" }), // prettier-ignore
        fitCase(`${bits} bits ${scheme}, f16 scales, rows, strided`, target(bits, scheme, true), [1, 64, 7, 32], "positive", { layout: "rows" }), // prettier-ignore
      ]),
    ),
    fitCase("one element", four, [1, 1, 1, 32], "gauss"),
    fitCase("blocks of 20", four, [3, 50, 1, 20], "gauss"),
    fitCase("all zero", target(4, "asymmetric"), [1, 64, 1, 32], "zero"),
    fitCase("all equal", four, [1, 64, 1, 32], "constant"),
    fitCase("below the smallest scales", four, [1, 256, 1, 32], "tiny"),
    fitCase("below the smallest scales, f16", target(4, "symmetric", true), [1, 64, 1, 32], "tiny"),
    fitCase("NaN, infinity, subnormals, huge", four, [4, 97, 1, 32], "wild"),
    fitCase("NaN, infinity, subnormals, huge, whole blocks", target(4, "full"), [4, 96, 1, 32], "wild"),
    fitCase("more than 65,535 workgroups", target(2, "symmetric"), [65_600, 4, 1, 4], "gauss", { wg: 1 }),
  ],
};
