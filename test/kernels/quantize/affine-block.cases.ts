// Cases of quantize/affine-block: block sizes on both sides of the register file, every rule, both layouts.
import { affineBlockReference } from "../../../src/kernels/quantize/affine-block.ref.ts";
import { affineBlockCall, affineBlockSpec, fitsAffineBlock } from "../../../src/kernels/quantize/affine-block.ts";
import type { AffineRule } from "../../../src/kernels/quantize/affine-rule.ts";
import { codeCount, groupCount, type Geometry } from "../../../src/kernels/quantize/geometry.ts";
import { packedBytes } from "../../../src/kernels/quantize/shape.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { nameOf, nearTies, rules } from "./affine-fixtures.ts";
import { blockedCases, bytesOf, weights, type ShapedCase } from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, rule: AffineRule, wg = 64): KernelCase {
  const groups = groupCount(geometry);
  return {
    name: `${nameOf(rule)}: ${name}`,
    call: (variant) => affineBlockCall(geometry, layout, rule, variant, { wg }),
    buffers: [source, packedBytes(codeCount(geometry, layout), rule.bits), groups * 4, groups * 4],
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
]);
const hostile = [...blockedCases(16), ...blockedCases(32), ...blockedCases(64)];
const fitting = (rule: AffineRule) => (c: ShapedCase) => fitsAffineBlock(c.geometry, c.layout, rule.bits);

const ties: ShapedCase = {
  name: "ties in every run",
  geometry: blocked(1, 1140, 1, 64),
  layout: "rows",
  source: bytesOf(nearTies(1140, 2 ** -5)),
};

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
    ...rules.map((rule) => caseOf(ties, rule)),
    ...rules.slice(0, 1).map((rule) => caseOf(shaped(blocked(1, 65_540 * 16, 1, 16), "rows", 3), rule, 1)),
  ],
};
