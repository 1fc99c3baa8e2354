// Cases of quantize/absmax-scale: all ranges in use, both directions, f16 storage, the ends of f32.
import { absmaxScaleReference } from "../../../src/kernels/quantize/absmax-scale.ref.ts";
import { absmaxScaleCall, absmaxScaleSpec } from "../../../src/kernels/quantize/absmax-scale.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf, oneThreadEach, uniform } from "./float-fixtures.ts";

function caseOf(
  name: string,
  absmax: readonly number[],
  range: number,
  options: { half?: boolean; inverse?: boolean } = {},
) {
  return {
    name: `${name}, range ${range}, ${JSON.stringify(options)}`,
    call: absmaxScaleCall(absmax.length, range, options),
    buffers: [bytesOf(absmax), absmax.length * 4],
  };
}

const next = uniform(3);
const random = Array.from({ length: 1000 }, () => 2 ** (next() * 40 - 30) * (1 + next()));
const ends = [
  0,
  2 ** -126,
  2 ** -111,
  2 ** -112,
  2 ** -117,
  2 ** -116,
  1.0000001,
  448,
  2 ** 100,
  3e7,
  29_345_792,
  29_360_127,
];

export const room: KernelRoom = {
  spec: absmaxScaleSpec,
  reference: absmaxScaleReference,
  cases: [
    caseOf("one", [3], 448),
    ...[448, 57_344].flatMap((range) =>
      [random, ends].flatMap((values) => [
        caseOf("plain", values, range),
        caseOf("plain", values, range, { half: true }),
      ]),
    ),
    ...[random, ends].map((values) => caseOf("global divisor", values, 2688, { inverse: true })),
    oneThreadEach(
      caseOf(
        "many",
        Array.from({ length: 65_540 }, (_, at) => at / 7),
        448,
      ),
      65_540,
    ),
  ],
};
