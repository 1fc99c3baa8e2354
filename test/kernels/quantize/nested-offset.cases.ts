// Cases of quantize/nested-offset: sums beyond 32 bits, wide ranges, zeros, odd values.
import { nestedOffsetReference } from "../../../src/kernels/quantize/nested-offset.ref.ts";
import { nestedOffsetCall, nestedOffsetSpec } from "../../../src/kernels/quantize/nested-offset.ts";
import { bytesOf, contents, weights } from "../../support/float-data.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

function offsetCase(name: string, values: Float32Array, wg = 64): KernelCase {
  const magnitudes = values.map(Math.abs);
  return { name, call: nestedOffsetCall(values.length, { wg }), buffers: [bytesOf(magnitudes), 4] };
}

export const room: KernelRoom = {
  spec: nestedOffsetSpec,
  reference: nestedOffsetReference,
  cases: [
    ...[1, 2, 63, 64, 65, 5000].map((count) => offsetCase(`${count} values`, weights(count))),
    ...contents(1003).map(([name, values]) => offsetCase(name, values)),
    offsetCase("sums beyond 32 bits", new Float32Array(200_000).fill(1.9999999)),
    offsetCase("another workgroup", weights(3001, 9), 32),
  ],
};
