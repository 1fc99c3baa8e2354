// Cases of quantize/affine-error: every rule over shapes with hostile values; counts and fingerprint exact.
import { affineErrorReference } from "../../../src/kernels/quantize/affine-error.ref.ts";
import { affineErrorBytes, affineErrorCall, affineErrorSpec } from "../../../src/kernels/quantize/affine-error.ts";
import type { AffineRule } from "../../../src/kernels/quantize/affine-rule.ts";
import { errorWords } from "../../../src/kernels/quantize/error-sums.ts";
import { asF32, asU32 } from "../../../src/kernels/quantize/shape.ts";
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

function caseOf({ name, geometry, layout, source }: ShapedCase, rule: AffineRule, shrink = 1) {
  const { scales, zeroPoints, codes } = encoded(source, geometry, layout, rule);
  const factor = bytesOf(asF32(scales).map((scale) => scale * shrink));
  return {
    name: `${nameOf(rule)}: ${name}${shrink === 1 ? "" : ", clipped"}`,
    call: (variant: string) => affineErrorCall(geometry, layout, rule, {}, variant),
    buffers: [source, codes, factor, zeroPoints, affineErrorBytes(geometry)],
  };
}

/** Elements on, just below and just above the half steps, those at the ends of the code range among them. */
function tieCase(rule: AffineRule) {
  const geometry = { kind: "blocked", outer: 1, dim: 570, inner: 1, blockSize: 64 } as const;
  const [groups, scale] = [9, 0.1];
  const codes = new Uint8Array(Math.ceil((570 * rule.bits) / 32) * 4).fill(0x5a);
  const zeros = Int32Array.from({ length: groups }, (_, i) => (rule.signed ? i % 2 : i % 4));
  return {
    name: `${nameOf(rule)}: ties at the ends of the range`,
    call: (variant: string) => affineErrorCall(geometry, "natural", rule, {}, variant),
    buffers: [
      bytesOf(nearTies(570, scale)),
      codes,
      bytesOf(new Float32Array(groups).fill(scale)),
      new Uint8Array(zeros.buffer),
      affineErrorBytes(geometry),
    ],
  };
}

/** Sums of squares may overflow or lose everything at the ends of f32; those shapes are the encoders' matter. */
const shapes = [...blockedCases(32), ...wideCases()].filter(({ name }) => !name.includes("whole range"));
const long: ShapedCase = {
  name: "long",
  geometry: { kind: "wide", outer: 1, channels: 1, inner: 65_600 * 4 },
  layout: "natural",
  source: bytesOf(weights(65_600 * 4)),
};

const sums = errorWords.indexOf("maxAbsError");

/** Sums within a share of the record's signal; everything else to the bit. */
export function compareErrorRecords(_binding: string, got: Uint8Array, want: Uint8Array): string | undefined {
  const [floats, wanted, bits, wantedBits] = [asF32(got), asF32(want), asU32(got), asU32(want)];
  for (const [at, bit] of wantedBits.entries()) {
    const word = at % errorWords.length;
    const signal = wanted[at - word + errorWords.indexOf("sumSquaredSource")] ?? 0;
    const close = Math.abs((floats[at] ?? 0) - (wanted[at] ?? 0)) <= 1e-5 * Math.max(signal, Math.abs(wanted[at] ?? 0));
    if (word < sums ? !close : bits[at] !== bit) {
      return `${errorWords[word]} of record ${Math.floor(at / errorWords.length)}: ${floats[at]}, want ${wanted[at]}`;
    }
  }
  return undefined;
}

export const room: KernelRoom = {
  spec: affineErrorSpec,
  reference: affineErrorReference,
  compare: compareErrorRecords,
  cases: [
    ...rules.flatMap((rule, r) => shapes.filter((_, i) => (i + r) % 3 === 0).map((shaped) => caseOf(shaped, rule))),
    ...rules.flatMap((rule) => shapes.slice(9, 10).map((shaped) => caseOf(shaped, rule, 0.6))),
    ...rules.filter(({ bits }) => bits < 8).map(tieCase),
    ...rules
      .filter(({ bits }) => bits === 8)
      .flatMap((rule) => lastChannelCases(4).flatMap((shaped) => [caseOf(shaped, rule), caseOf(shaped, rule, 0.6)])),
    ...rules
      .slice(3, 4)
      .map((rule) =>
        oneThreadEach({ ...caseOf(long, rule), call: affineErrorCall(long.geometry, "natural", rule) }, 65_600),
      ),
  ],
};
