// Cases of quantize/nested-absmax: blocks of 256 and others, ragged ends, constant and odd values, ties.
import { nestedAbsmaxReference } from "../../../src/kernels/quantize/nested-absmax.ref.ts";
import { nestedAbsmaxCall, nestedAbsmaxSpec } from "../../../src/kernels/quantize/nested-absmax.ts";
import { dynamicMap, midpointsOf } from "../../../src/kernels/quantize/tables.ts";
import { bytesOf, contents, weights } from "../../support/float-data.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

const midpoints = bytesOf(midpointsOf(dynamicMap()));

function nestedCase(name: string, values: Float32Array, offset: number, blockSize = 256, wg = 64): KernelCase {
  return {
    name: `blocks of ${blockSize}: ${name}`,
    call: nestedAbsmaxCall(values.length, blockSize, { wg }),
    buffers: [
      bytesOf(values),
      bytesOf(Float32Array.of(offset)),
      midpoints,
      Math.ceil(values.length / 4) * 4,
      Math.ceil(values.length / blockSize) * 4,
    ],
  };
}

const absmax = (count: number): Float32Array => weights(count).map((x) => Math.abs(x) + 0.1);
const onMidpoints = Float32Array.from([...midpointsOf(dynamicMap()), 1]);

export const room: KernelRoom = {
  spec: nestedAbsmaxSpec,
  reference: nestedAbsmaxReference,
  cases: [
    ...[1, 2, 3, 4, 5, 255, 256, 257, 3001].map((count) => nestedCase(`${count} values`, absmax(count), 0.13)),
    ...contents(1003).map(([name, values]) => nestedCase(name, values, 0.01)),
    nestedCase("all at the offset", new Float32Array(300).fill(0.25), 0.25),
    nestedCase("on midpoints", onMidpoints, 0),
    nestedCase(
      "on doubled midpoints",
      onMidpoints.map((x) => 2 * x),
      0,
    ),
    nestedCase("small blocks", absmax(1001), 0.12, 16),
    nestedCase("more than 65,535 workgroups", absmax(65_536 * 4 + 3), 0.12, 4, 1),
  ],
};
