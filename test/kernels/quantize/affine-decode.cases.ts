// Cases of quantize/affine-decode: every rule and layout, f32 and packed f16 scales, packed zero points.
import { encodeHalf } from "../../../src/base/half.ts";
import { affineDecodeReference } from "../../../src/kernels/quantize/affine-decode.ref.ts";
import { affineDecodeCall, affineDecodeSpec } from "../../../src/kernels/quantize/affine-decode.ts";
import type { AffineRule } from "../../../src/kernels/quantize/affine-rule.ts";
import { elementsOf } from "../../../src/kernels/quantize/geometry.ts";
import { packZeroPointsReference } from "../../../src/kernels/quantize/pack-zero-points.ref.ts";
import { packZeroPointsCall, zeroPointBytes } from "../../../src/kernels/quantize/pack-zero-points.ts";
import { asF32 } from "../../../src/kernels/quantize/shape.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { encoded, nameOf, rules } from "./affine-fixtures.ts";
import {
  blockedCases,
  bytesOf,
  computed,
  oneThreadEach,
  weights,
  wideCases,
  wordsFor,
  type ShapedCase,
} from "./float-fixtures.ts";

function halves(scales: Uint8Array): Uint8Array {
  const values = asF32(scales);
  const packed = new Uint16Array(wordsFor(values.length * 2) / 2);
  packed.set([...values].map(encodeHalf));
  return new Uint8Array(packed.buffer);
}

function caseOf({ name, geometry, layout, source }: ShapedCase, rule: AffineRule) {
  const { scales, zeroPoints, codes } = encoded(source, geometry, layout, rule);
  const packing = packZeroPointsCall(geometry, layout, rule.bits);
  const size = wordsFor(zeroPointBytes(geometry, layout, rule.bits));
  const packed = computed(packing, packZeroPointsReference, [zeroPoints, size], 1);
  return {
    name: `${nameOf(rule)}: ${name}`,
    call: affineDecodeCall(geometry, layout, rule),
    buffers: [
      codes,
      rule.halfScales ? halves(scales) : scales,
      rule.scheme === "asymmetric" ? packed : new Uint8Array(4),
      elementsOf(geometry) * 4,
    ],
  };
}

const shapes = [...blockedCases(16), ...wideCases()];
const long: ShapedCase = {
  name: "long",
  geometry: { kind: "blocked", outer: 1, dim: 65_537 * 8, inner: 1, blockSize: 256 },
  layout: "natural",
  source: bytesOf(weights(65_537 * 8)),
};

export const room: KernelRoom = {
  spec: affineDecodeSpec,
  reference: affineDecodeReference,
  cases: [
    ...rules.flatMap((rule, r) => shapes.filter((_, i) => (i + r) % 3 === 0).map((shaped) => caseOf(shaped, rule))),
    ...rules.slice(6, 7).map((rule) => oneThreadEach(caseOf(long, rule), 65_537)),
  ],
};
