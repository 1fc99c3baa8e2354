// Cases of matmul/block: rules of 2, 4 and 8 bits, one vector and many, ragged edges, bias and activation.
import { blockMatmulReference } from "../../../src/kernels/matmul/block.ref.ts";
import { blockMatmulCall, blockMatmulSpec, type BlockMatmulShape } from "../../../src/kernels/matmul/block.ts";
import type { AffineRule } from "../../../src/kernels/quantize/affine-rule.ts";
import type { Geometry } from "../../../src/kernels/quantize/geometry.ts";
import { packZeroPointsReference } from "../../../src/kernels/quantize/pack-zero-points.ref.ts";
import { packZeroPointsCall, zeroPointBytes } from "../../../src/kernels/quantize/pack-zero-points.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { encoded, nameOf, rules } from "../quantize/affine-fixtures.ts";
import { bytesOf, computed, uniform, weights, wordsFor } from "../quantize/float-fixtures.ts";

type Tiles = Parameters<typeof blockMatmulCall>[3];

function caseOf(shape: BlockMatmulShape, rule: AffineRule, tiles?: Tiles): KernelCase {
  const { m, n, k, blockSize } = shape;
  const geometry: Geometry = { kind: "blocked", outer: n, dim: k, inner: 1, blockSize };
  const { scales, zeroPoints, codes } = encoded(bytesOf(weights(n * k, n + k)), geometry, "rows", rule);
  const packing = packZeroPointsCall(geometry, "rows", rule.bits);
  const size = wordsFor(zeroPointBytes(geometry, "rows", rule.bits));
  const packed = computed(packing, packZeroPointsReference, [zeroPoints, size], 1);
  const next = uniform(m);
  const values = (count: number): Uint8Array => bytesOf(Float32Array.from({ length: count }, () => next() * 2 - 1));
  const notes = [shape.bias && "bias", shape.activation?.kind, tiles && JSON.stringify(tiles)].filter(Boolean);
  return {
    name: `${nameOf(rule)}: [${m}, ${k}] x [${n}, ${k}] in blocks of ${blockSize} ${notes.join(", ")}`,
    call: (variant) =>
      blockMatmulCall(
        shape,
        rule,
        { features: variant.includes("subgroups") ? ["subgroups"] : [], adapterClass: "hardware" },
        tiles,
      ),
    buffers: [
      codes,
      scales,
      rule.scheme === "asymmetric" ? packed : new Uint8Array(4),
      values(m * k),
      shape.bias ? values(n) : 4,
      m * n * 4,
    ],
  };
}

const many: BlockMatmulShape = { m: 11, n: 35, k: 96, blockSize: 32 };
const one: BlockMatmulShape = { m: 1, n: 70, k: 100, blockSize: 32 };
const ragged: BlockMatmulShape = { m: 6, n: 9, k: 45, blockSize: 16 };

/** The first rule of a width and scheme. */
const ruled = (bits: AffineRule["bits"], scheme: AffineRule["scheme"], signed: boolean): AffineRule => {
  const found = rules.find((rule) => rule.bits === bits && rule.scheme === scheme && rule.signed === signed);
  return { bits, scheme, signed, rounding: found?.rounding ?? "half-even", halfScales: false };
};

const uint4 = ruled(4, "asymmetric", false);

/** For subgroups of at least eight lanes. */
export const eightLanes = caseOf({ ...many, bias: true }, uint4, { share: 8 });

export const room: KernelRoom = {
  spec: blockMatmulSpec,
  reference: blockMatmulReference,
  cases: [
    caseOf({ ...many, bias: true, activation: { kind: "relu" } }, uint4),
    caseOf({ ...one, bias: true }, uint4),
    caseOf(ragged, uint4),
    caseOf({ m: 18, n: 40, k: 130, blockSize: 128 }, uint4, { rows: 16, wg: 8 }),
    caseOf(one, ruled(4, "symmetric", true)),
    caseOf({ m: 1, n: 5, k: 33, blockSize: 16 }, ruled(8, "symmetric", true)),
    caseOf(many, ruled(8, "asymmetric", false)),
    caseOf(one, ruled(2, "asymmetric", false)),
    caseOf(many, ruled(2, "symmetric", true)),
  ],
};
