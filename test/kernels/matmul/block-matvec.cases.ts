// Cases of matmul/block-matvec: every rule, one vector and many, ragged columns, split and unsplit rows.
import { blockMatvecReference } from "../../../src/kernels/matmul/block-matvec.ref.ts";
import { blockMatvecCall, blockMatvecSpec, type BlockMatvecShape } from "../../../src/kernels/matmul/block-matvec.ts";
import type { AffineRule } from "../../../src/kernels/quantize/affine-rule.ts";
import type { Geometry } from "../../../src/kernels/quantize/geometry.ts";
import { packZeroPointsReference } from "../../../src/kernels/quantize/pack-zero-points.ref.ts";
import { packZeroPointsCall, zeroPointBytes } from "../../../src/kernels/quantize/pack-zero-points.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { encoded, nameOf, rules } from "../quantize/affine-fixtures.ts";
import { bytesOf, computed, uniform, weights, wordsFor } from "../quantize/float-fixtures.ts";

const shape = (rows: number, cols: number, blockSize: number, batch: number): BlockMatvecShape => ({
  rows,
  cols,
  blockSize,
  batch,
});

const shapes: readonly BlockMatvecShape[] = [
  shape(1, 1, 16, 1),
  shape(7, 96, 32, 1),
  shape(33, 70, 32, 5),
  shape(64, 64, 32, 12),
  shape(5, 1000, 128, 1),
  shape(3, 517, 256, 2),
  shape(130, 33, 16, 9),
];

function caseOf(
  of: BlockMatvecShape,
  rule: AffineRule,
  overrides: Parameters<typeof blockMatvecCall>[2] = {},
): KernelCase {
  const { rows, cols, blockSize, batch } = of;
  const geometry: Geometry = { kind: "blocked", outer: rows, dim: cols, inner: 1, blockSize };
  const source = bytesOf(weights(rows * cols, rows + cols));
  const { scales, zeroPoints, codes } = encoded(source, geometry, "rows", rule);
  const packing = packZeroPointsCall(geometry, "rows", rule.bits);
  const size = wordsFor(zeroPointBytes(geometry, "rows", rule.bits));
  const packed = computed(packing, packZeroPointsReference, [zeroPoints, size], 1);
  const next = uniform(batch);
  const x = bytesOf(Float32Array.from({ length: batch * cols }, () => next() * 2 - 1));
  const setting = Object.entries(overrides).map(([name, value]) => ` ${name}=${value}`);
  return {
    name: `${nameOf(rule)}: [${batch}, ${cols}] x [${rows}, ${cols}] in blocks of ${blockSize}${setting.join("")}`,
    call: blockMatvecCall(of, rule, overrides),
    buffers: [codes, scales, rule.scheme === "asymmetric" ? packed : new Uint8Array(4), x, batch * rows * 4],
  };
}

const plain = rules.map(({ bits, signed, scheme, rounding }): AffineRule => ({
  bits,
  signed,
  scheme,
  rounding,
  halfScales: false,
}));

export const room: KernelRoom = {
  spec: blockMatvecSpec,
  reference: blockMatvecReference,
  cases: [
    ...plain.flatMap((rule, r) => shapes.filter((_, i) => (i + r) % 2 === 0).map((of) => caseOf(of, rule))),
    ...plain
      .slice(0, 2)
      .flatMap((rule) => [
        caseOf(shape(9, 640, 32, 6), rule, { split: 8 }),
        caseOf(shape(9, 640, 32, 6), rule, { tile: 1, split: 64 }),
        caseOf(shape(9, 640, 32, 6), rule, { wg: 16, split: 16 }),
      ]),
  ],
};
