// Cases of quantize/affine-encode: every granularity and layout, every rule, values on and beside ties.
import { affineEncodeReference } from "../../../src/kernels/quantize/affine-encode.ref.ts";
import { affineEncodeCall, affineEncodeSpec } from "../../../src/kernels/quantize/affine-encode.ts";
import type { AffineRule } from "../../../src/kernels/quantize/affine-rule.ts";
import { codeCount, groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { packedBytes } from "../../../src/kernels/quantize/shape.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { encoded, nameOf, nearTies, rules } from "./affine-fixtures.ts";
import {
  blockedCases,
  bytesOf,
  lastChannelCases,
  oneThreadEach,
  weights,
  wideCases,
  type ShapedCase,
} from "./float-fixtures.ts";

function caseOf({ name, geometry, layout, source }: ShapedCase, rule: AffineRule) {
  const { scales, zeroPoints } = encoded(source, geometry, layout, rule);
  return {
    name: `${nameOf(rule)}: ${name}`,
    call: (variant: string) => affineEncodeCall(geometry, layout, rule, {}, variant),
    buffers: [source, scales, zeroPoints, packedBytes(codeCount(geometry, layout), rule.bits)],
  };
}

const shapes = [...blockedCases(32), ...wideCases()];
const eightBit = rules.filter(({ bits }) => bits === 8);
const every = (r: AffineRule) => shapes.map((shaped) => caseOf(shaped, r));
const first = (r: AffineRule) => shapes.filter((_, i) => i % 5 === 1).map((shaped) => caseOf(shaped, r));

/** Codes under a scale of our own, so that elements lie on ties, on both sides and far outside. */
function tieCase(scale: number, rule: AffineRule) {
  const geometry = { kind: "blocked", outer: 1, dim: 570, inner: 1, blockSize: 64 } as const;
  const groups = groupCount(geometry);
  return {
    name: `${nameOf(rule)}: ties under scale ${scale}`,
    call: (variant: string) => affineEncodeCall(geometry, "natural", rule, {}, variant),
    buffers: [
      bytesOf(nearTies(570, scale)),
      bytesOf(new Float32Array(groups).fill(scale)),
      new Uint8Array(Int32Array.from({ length: groups }, (_, i) => (rule.signed ? i - 4 : i % 4)).buffer),
      packedBytes(570, rule.bits),
    ],
  };
}

/** The same where channels lie last, each with a scale and a zero point of its own. */
function tieColumns(rule: AffineRule) {
  const [outer, channels] = [35, 32];
  const geometry = { kind: "wide", outer, channels, inner: 1 } as const;
  const scales = Float32Array.from({ length: channels }, (_, c) => [0.1, -0.37, 1 / 3, 2 ** -119, 3e29][c % 5] ?? 1);
  const source = new Float32Array(outer * channels);
  for (const [c, scale] of scales.entries()) {
    for (const [row, x] of nearTies(outer, scale).entries()) source[row * channels + c] = x;
  }
  return {
    name: `${nameOf(rule)}: ties in columns`,
    call: (variant: string) => affineEncodeCall(geometry, "natural", rule, {}, variant),
    buffers: [
      bytesOf(source),
      bytesOf(scales),
      new Uint8Array(Int32Array.from({ length: channels }, (_, i) => (rule.signed ? i - 4 : i % 4)).buffer),
      packedBytes(outer * channels, rule.bits),
    ],
  };
}

const long: ShapedCase = {
  name: "long",
  geometry: { kind: "wide", outer: 1, channels: 1, inner: 65_537 * 16 },
  layout: "natural",
  source: bytesOf(weights(65_537 * 16)),
};

export const room: KernelRoom = {
  spec: affineEncodeSpec,
  reference: affineEncodeReference,
  cases: [
    ...rules.slice(2, 4).flatMap(every),
    ...rules.flatMap(first),
    ...eightBit.flatMap((rule) => lastChannelCases(16).map((shaped) => caseOf(shaped, rule))),
    ...eightBit.map(tieColumns),
    ...rules.flatMap((rule) => [0.1, -0.37, 1 / 3, 2 ** -119, 3e29].map((scale) => tieCase(scale, rule))),
    ...rules
      .slice(4, 5)
      .map((rule) =>
        oneThreadEach({ ...caseOf(long, rule), call: affineEncodeCall(long.geometry, "natural", rule) }, 65_537),
      ),
  ],
};
