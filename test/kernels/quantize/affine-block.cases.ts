// Cases of quantize/affine-block: block sizes on both sides of the register file, every rule, both layouts.
import { affineBlockReference } from "../../../src/kernels/quantize/affine-block.ref.ts";
import { affineBlockCall, affineBlockSpec, fitsAffineBlock } from "../../../src/kernels/quantize/affine-block.ts";
import type { AffineRule } from "../../../src/kernels/quantize/affine-rule.ts";
import { codeCount, groupCount, type Geometry } from "../../../src/kernels/quantize/geometry.ts";
import { packedBytes } from "../../../src/kernels/quantize/shape.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { nameOf, nearTies, rules } from "./affine-fixtures.ts";
import { blockedCases, bytesOf, weights, type ShapedCase } from "./float-fixtures.ts";

function caseOf(
  { name, geometry, layout, source }: ShapedCase,
  rule: AffineRule,
  options: { readonly wg?: number; readonly span?: number } = {},
): KernelCase {
  const groups = groupCount(geometry);
  return {
    name: `${nameOf(rule)}: ${name}`,
    call: (variant) => affineBlockCall(geometry, layout, rule, variant, options),
    buffers: [source, packedBytes(codeCount(geometry, layout), rule.bits), groups * 4, groups * 4],
  };
}

/** Scales and zero points of a search: such that some codes are cut, by little and by far. */
function givenCase({ name, geometry, layout, source }: ShapedCase, rule: AffineRule): KernelCase {
  const groups = groupCount(geometry);
  const scales = Float32Array.from({ length: groups }, (_, g) => [0.02, -0.3, 2 ** -9, 1e-12, 0.7][g % 5] ?? 1);
  const lowest = rule.signed ? -(2 ** (rule.bits - 1)) : 0;
  const zeros = Int32Array.from({ length: groups }, (_, g) => lowest + ((g * 7) % 2 ** rule.bits));
  return {
    name: `${nameOf(rule)}, given scales: ${name}`,
    call: (variant) => affineBlockCall(geometry, layout, rule, variant, { given: true }),
    buffers: [
      source,
      packedBytes(codeCount(geometry, layout), rule.bits),
      bytesOf(scales),
      new Uint8Array(zeros.buffer),
    ],
  };
}

const blocked = (outer: number, dim: number, inner: number, blockSize: number): Geometry => ({
  kind: "blocked",
  outer,
  dim,
  inner,
  blockSize,
});

function shaped(geometry: Geometry, layout: "rows" | "natural", seed: number): ShapedCase {
  const { outer, inner } = geometry;
  const dim = geometry.kind === "blocked" ? geometry.dim : 1;
  const size = geometry.kind === "blocked" ? geometry.blockSize : 1;
  const source = bytesOf(weights(outer * dim * inner, seed));
  return { name: `${layout} [${outer}, ${dim}, ${inner}] in blocks of ${size}`, geometry, layout, source };
}

const sizes = [16, 32, 48, 64, 128, 256, 528, 1024];
const sizeCases = sizes.flatMap((size, k) => [
  shaped(blocked(5, size * 2, 1, size), "rows", k),
  shaped(blocked(3, size + 20, 1, size), "rows", k),
  shaped(blocked(3, size + 32, 1, size), "natural", k),
  shaped(blocked(1, size + 9, 6, size), "rows", k),
  shaped(blocked(2, size * 2 - 5, 12, size), "rows", k),
]);
const hostile = [...blockedCases(16), ...blockedCases(32), ...blockedCases(64)];
const fitting = (rule: AffineRule) => (c: ShapedCase) => fitsAffineBlock(c.geometry, c.layout, rule.bits);

const ties = [
  { dim: 1140, block: 64 },
  { dim: 1152, block: 32 },
].map(({ dim, block }): ShapedCase => ({
  name: `ties in every run of blocks of ${block}`,
  geometry: blocked(1, dim, 1, block),
  layout: "rows",
  source: bytesOf(nearTies(dim, 2 ** -5)),
}));

export const room: KernelRoom = {
  spec: affineBlockSpec,
  reference: affineBlockReference,
  cases: [
    ...rules.flatMap((rule, r) =>
      [...sizeCases, ...hostile]
        .filter(fitting(rule))
        .filter((_, i) => (i + r) % 5 === 0)
        .map((c) => caseOf(c, rule)),
    ),
    ...rules.flatMap((rule) => ties.map((c) => caseOf(c, rule))),
    ...rules.flatMap((rule, r) => {
      const fit = [...sizeCases, ...hostile, ...ties].filter(fitting(rule));
      return fit.filter((_, i) => (i + r) % 9 === 0).map((c) => givenCase(c, rule));
    }),
    ...rules
      .slice(0, 1)
      .map((rule) => caseOf(shaped(blocked(1, 65_540 * 16, 1, 16), "rows", 3), rule, { wg: 1, span: 1 })),
  ],
};
