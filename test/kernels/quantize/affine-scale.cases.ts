// Cases of quantize/affine-scale: every rule over ordinary ranges and over the ends of what f32 and f16 hold.
import { affineScaleReference } from "../../../src/kernels/quantize/affine-scale.ref.ts";
import { affineScaleCall, affineScaleSpec } from "../../../src/kernels/quantize/affine-scale.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { nameOf, rules } from "./affine-fixtures.ts";
import { bytesOf, oneThreadEach, uniform } from "./float-fixtures.ts";

/** (lowest, highest) pairs at the borders: nothing, one sign, ties, too small, too large, f16's own edges. */
const hostile: readonly (readonly [low: number, high: number])[] = [
  [0, 0],
  [0, 1],
  [-1, 0],
  [-1, 1],
  [-7, 7],
  [-8, 8],
  [-8, 7],
  [-1e-45, 1e-40],
  [-(2 ** -126), 2 ** -126],
  [-(2 ** -119), 2 ** -118],
  [0, 127 * 2 ** -120],
  [-(2 ** 127), 3.4e38],
  [-3.4e38, 3.4e38],
  [0, 2 ** 100],
  [-(2 ** -25) * 7, 2 ** -25 * 7],
  [-(2 ** -24) * 127 * 1.5, 0],
  [-65504 * 127, 0],
  [-70000 * 127, 70000 * 15],
  [0, 6.1e-5 * 7],
];

function spread(count: number): number[] {
  const next = uniform(5);
  const exponential = (): number => 2 ** (next() * 60 - 45) * (1 + next());
  return Array.from({ length: count }, () => [-exponential(), exponential()]).flat();
}

const ranges = [...hostile.flat(), ...spread(181)];
const cases: KernelCase[] = rules.map((rule) => ({
  name: nameOf(rule),
  call: affineScaleCall(ranges.length / 2, rule),
  buffers: [bytesOf(ranges), ranges.length * 2, ranges.length * 2],
}));
/** Widths that only simulations have. */
const wideCases = (
  [
    [3, "symmetric"],
    [16, "symmetric"],
    [3, "asymmetric"],
    [16, "asymmetric"],
  ] as const
).map(([bits, scheme]): KernelCase => {
  const rule = { bits, signed: scheme === "symmetric", scheme, rounding: "half-even", halfScales: false } as const;
  return {
    name: `${scheme} codes of ${bits} bits`,
    call: affineScaleCall(ranges.length / 2, rule),
    buffers: [bytesOf(ranges), ranges.length * 2, ranges.length * 2],
  };
});
const many = spread(65_540);

export const room: KernelRoom = {
  spec: affineScaleSpec,
  reference: affineScaleReference,
  cases: [
    ...cases,
    ...wideCases,
    ...rules.slice(0, 1).map((rule) =>
      oneThreadEach(
        {
          name: nameOf(rule),
          call: affineScaleCall(65_540, rule),
          buffers: [bytesOf(many), 65_540 * 4, 65_540 * 4],
        },
        65_540,
      ),
    ),
  ],
};
