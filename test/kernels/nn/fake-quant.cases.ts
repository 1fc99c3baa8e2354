// Cases of nn/fake-quant: every width of code, granularity and tie rule, over ties, ends, infinities and NaN.
import { fakeQuantReference } from "../../../src/kernels/nn/fake-quant.ref.ts";
import { fakeQuantCall, fakeQuantSpec } from "../../../src/kernels/nn/fake-quant.ts";
import { lowestCode, type WideRule } from "../../../src/kernels/quantize/affine-rule.ts";
import { elementsOf, groupCount, type Geometry } from "../../../src/kernels/quantize/geometry.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { uniform } from "../quantize/float-fixtures.ts";

type Rule = Pick<WideRule, "bits" | "signed" | "rounding">;

/** Scales of eighths, so that many elements, which are multiples of a sixteenth, lie on ties. */
function caseOf(geometry: Geometry, rule: Rule, broken = false): KernelCase {
  const next = uniform(11);
  const [count, groups] = [elementsOf(geometry), groupCount(geometry)];
  const reach = 2 ** (rule.bits + 1);
  const source = Float32Array.from({ length: count }, () => Math.round((next() - 0.5) * reach) / 16);
  const hostile = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.4e38, -3.4e38, 1e-42, -0];
  if (broken) source.set(hostile, Math.max(0, count - hostile.length));
  const scales = Float32Array.from({ length: groups }, (_, i) => ((i % 5) + 1) / 8 + (i % 3 === 2 ? 0.013 : 0));
  const zeros = Int32Array.from({ length: groups }, (_, i) => lowestCode(rule) + ((i * 7 + 1) % 2 ** rule.bits));
  return {
    name: `${geometry.kind} ${rule.signed ? "int" : "uint"}${rule.bits} ${rule.rounding}, ${count} in ${groups}`,
    call: fakeQuantCall(geometry, rule),
    buffers: [new Uint8Array(source.buffer), new Uint8Array(scales.buffer), new Uint8Array(zeros.buffer), 4 * count],
  };
}

const wide = (outer: number, channels: number, inner: number): Geometry => ({ kind: "wide", outer, channels, inner });
const blocked = (outer: number, dim: number, inner: number, blockSize: number): Geometry => ({
  kind: "blocked",
  outer,
  dim,
  inner,
  blockSize,
});

const rules = ([2, 3, 4, 8, 16] as const).flatMap((bits): Rule[] => [
  { bits, signed: true, rounding: "half-even" },
  { bits, signed: false, rounding: "half-up" },
]);

export const room: KernelRoom = {
  spec: fakeQuantSpec,
  reference: fakeQuantReference,
  cases: [
    ...rules.map((rule) => caseOf(wide(3, 7, 29), rule, true)),
    ...rules.slice(4).map((rule) => caseOf(blocked(2, 50, 3, 16), rule)),
    caseOf(wide(1, 1, 1), { bits: 8, signed: true, rounding: "half-away" }),
    caseOf(wide(1, 1, 5000), { bits: 8, signed: true, rounding: "half-away" }, true),
    caseOf(wide(1, 130, 9), { bits: 8, signed: true, rounding: "half-even" }),
    caseOf(blocked(5, 64, 1, 32), { bits: 4, signed: false, rounding: "half-even" }),
  ],
};
