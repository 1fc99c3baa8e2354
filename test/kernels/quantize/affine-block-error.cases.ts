// Cases of quantize/affine-block-error: affine-error's over the shapes that it serves, whole and short blocks,
// both ways of reading, clipped and non-finite blocks; counts and fingerprint exact.
import { affineBlockErrorReference } from "../../../src/kernels/quantize/affine-block-error.ref.ts";
import {
  affineBlockErrorBytes,
  affineBlockErrorCall,
  affineBlockErrorSpec,
} from "../../../src/kernels/quantize/affine-block-error.ts";
import { fitsAffineBlock } from "../../../src/kernels/quantize/affine-block.ts";
import type { AffineRule } from "../../../src/kernels/quantize/affine-rule.ts";
import type { BlockedGeometry } from "../../../src/kernels/quantize/geometry.ts";
import { asF32 } from "../../../src/kernels/quantize/shape.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { compareErrorRecords } from "./affine-error.cases.ts";
import { encoded, nameOf, nearTies, rules } from "./affine-fixtures.ts";
import { blockedCases, bytesOf, weights, type ShapedCase } from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, rule: AffineRule, shrink = 1): readonly KernelCase[] {
  if (geometry.kind !== "blocked" || !fitsAffineBlock(geometry, layout, rule.bits)) return [];
  const { scales, zeroPoints, codes } = encoded(source, geometry, layout, rule);
  const factor = bytesOf(asF32(scales).map((scale) => scale * shrink));
  return [
    {
      name: `${nameOf(rule)}: ${name}${shrink === 1 ? "" : ", clipped"}`,
      call: (variant) => affineBlockErrorCall(geometry, layout, rule, variant),
      buffers: [source, codes, factor, zeroPoints, affineBlockErrorBytes(geometry)],
    },
  ];
}

function shaped(name: string, geometry: Omit<BlockedGeometry, "kind">, values?: Float32Array): ShapedCase {
  const { outer, dim, inner } = geometry;
  const source = bytesOf(values ?? weights(outer * dim * inner, dim));
  return { name, geometry: { kind: "blocked", ...geometry }, layout: "rows", source };
}

/** Sums of squares may overflow or lose everything at the ends of f32; those shapes are the encoders' matter. */
const hostile = [16, 32, 64].flatMap(blockedCases).filter(({ name }) => !name.includes("whole range"));
const broken = weights(96 * 12, 5);
broken[100] = Number.NaN;
broken[700] = Number.NEGATIVE_INFINITY;
const own = [
  shaped("many blocks a thread", { outer: 520, dim: 512, inner: 1, blockSize: 32 }),
  shaped("many blocks a thread, [K, N]", { outer: 1, dim: 160, inner: 500, blockSize: 16 }),
  shaped("blocks of 1024", { outer: 3, dim: 2100, inner: 1, blockSize: 1024 }),
  shaped("broken blocks among whole ones", { outer: 12, dim: 96, inner: 1, blockSize: 32 }, broken),
  shaped("ties", { outer: 1, dim: 1140, inner: 1, blockSize: 64 }, nearTies(1140, 2 ** -5)),
];

export const room: KernelRoom = {
  spec: affineBlockErrorSpec,
  reference: affineBlockErrorReference,
  compare: compareErrorRecords,
  cases: [
    ...rules.flatMap((rule, r) => hostile.filter((_, i) => (i + r) % 5 === 0).flatMap((c) => caseOf(c, rule))),
    ...rules.flatMap((rule) => own.flatMap((c) => caseOf(c, rule))),
    ...rules.flatMap((rule) => own.slice(2).flatMap((c) => caseOf(c, rule, 0.6))),
  ],
};
