// Cases of quantize/search-mse-block: every width of codes and scheme, layouts, ragged tails, blocks of
// several register chunks, importance, f16 scales, and tensors that must be left alone.
import { searchMseBlockReference } from "../../../src/kernels/quantize/search-mse-block.ref.ts";
import { searchMseBlockCall, searchMseBlockSpec } from "../../../src/kernels/quantize/search-mse-block.ts";
import type { BlockedGeometry, CodeLayout } from "../../../src/kernels/quantize/geometry.ts";
import type { SearchTarget } from "../../../src/kernels/quantize/search-units.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { absmaxStart, bytesOf, randomValues, target, type Character } from "./search-cases.ts";

/** From the narrowest: each serves the blocks of those before it too. */
const variants = searchMseBlockSpec.variants.map(({ name }) => name);

interface Options {
  readonly weighted?: boolean;
  readonly layout?: CodeLayout;
  readonly wg?: number;
}

function searchCase(
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
  if (dim > 3) importance.set([0, 1e-30, 40], 0);
  const call = searchMseBlockCall(of, geometry, layout, weighted, { wg });
  return {
    name,
    call: (variant) => (variants.slice(variants.indexOf(call.variant)).includes(variant) ? { ...call, variant } : call),
    buffers: [bytesOf(x), bytesOf(importance), bytesOf(start.scales), bytesOf(start.zeroPoints)],
  };
}

const schemes = ["symmetric", "full", "asymmetric"] as const;
const four = target(4, "symmetric");

export const room: KernelRoom = {
  spec: searchMseBlockSpec,
  reference: searchMseBlockReference,
  cases: [
    ...([2, 4, 8] as const).flatMap((bits) =>
      schemes.flatMap((scheme) => [
        searchCase(`${bits} bits ${scheme}, blocks of 32`, target(bits, scheme), [5, 96, 1, 32], "gauss"),
        searchCase(`${bits} bits ${scheme}, f16 scales, importance, blocks of 128`, target(bits, scheme, true), [3, 300, 1, 128], "laplace", { weighted: true }), // prettier-ignore
        searchCase(`${bits} bits ${scheme}, outliers, rows, strided`, target(bits, scheme), [2, 70, 3, 16], "outlier", { layout: "rows" }), // prettier-ignore
      ]),
    ),
    searchCase("one element", four, [1, 1, 1, 32], "gauss"),
    searchCase("positive weights", target(4, "asymmetric"), [2, 64, 1, 32], "positive", { weighted: true }),
    searchCase("blocks of 64, importance, strided", target(4, "asymmetric"), [1, 130, 5, 64], "gauss", { weighted: true }), // prettier-ignore
    searchCase("blocks of 1024", target(8, "asymmetric"), [2, 1500, 1, 1024], "outlier"),
    searchCase("blocks of 1024, importance", four, [2, 1500, 1, 1024], "outlier", { weighted: true }),
    searchCase("blocks of 20", four, [3, 50, 1, 20], "gauss"),
    searchCase("all zero", target(4, "asymmetric"), [1, 64, 1, 32], "zero"),
    searchCase("all equal", four, [1, 64, 1, 32], "constant"),
    searchCase("near the smallest scales", four, [1, 256, 1, 32], "tiny"),
    searchCase("near the smallest scales, f16", target(4, "symmetric", true), [1, 64, 1, 32], "tiny"),
    searchCase("NaN, infinity, subnormals, huge", four, [4, 97, 1, 32], "wild"),
    searchCase("more than 65,535 workgroups", target(2, "symmetric"), [65_600, 4, 1, 4], "gauss", { wg: 1 }),
  ],
};
