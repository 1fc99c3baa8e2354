// Cases of cast/narrow-half: rounding ties, both ends of the range, odd counts, saturation, many workgroups.
import { narrowHalfReference } from "../../../src/kernels/cast/narrow-half.ref.ts";
import { narrowCounterBytes, narrowHalfCall, narrowHalfSpec } from "../../../src/kernels/cast/narrow-half.ts";
import type { HalfType } from "../../../src/kernels/cast/widen-half.ts";
import { anyBits, bytesOf, oddBits, weights, withOddBits } from "../../support/float-data.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

const types: readonly HalfType[] = ["f16", "bf16"];

/** Around every power of two of the half's range: the value, the ties beside it, and one bit to each side. */
function ties(): Float32Array {
  const bits: number[] = [];
  for (let exponent = 90; exponent < 150; exponent++) {
    for (const mantissa of [0, 0x0fff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x3001, 0x7fff, 0x8000, 0x8001, 0x7fffff]) {
      bits.push(exponent * 2 ** 23 + mantissa, 2 ** 31 + exponent * 2 ** 23 + mantissa);
    }
  }
  return new Float32Array(Uint32Array.from(bits).buffer);
}

function narrowCase(name: string, to: HalfType, values: Float32Array, saturate = false, wg = 64): KernelCase {
  return {
    name: `${to}: ${name}`,
    call: narrowHalfCall(to, values.length, { saturate }, { wg }),
    buffers: [bytesOf(values), Math.ceil(values.length / 2) * 4, narrowCounterBytes],
  };
}

const odd = new Float32Array(Uint32Array.from(oddBits).buffer);

function casesOf(to: HalfType): KernelCase[] {
  return [
    ...[1, 2, 3, 1023, 1024, 1025].map((count) => narrowCase(`${count} elements`, to, weights(count))),
    narrowCase("ties and neighbours of powers of two", to, ties()),
    narrowCase("odd values", to, odd),
    narrowCase("odd values, saturated", to, odd, true),
    narrowCase("any bits", to, anyBits(20_001)),
    narrowCase("any bits, saturated", to, anyBits(20_001), true),
    narrowCase("all zero", to, new Float32Array(100)),
    narrowCase("more than 65,535 workgroups", to, withOddBits(65_536 * 16 + 3), false, 1),
  ];
}

export const room: KernelRoom = {
  spec: narrowHalfSpec,
  reference: narrowHalfReference,
  cases: types.flatMap(casesOf),
};
