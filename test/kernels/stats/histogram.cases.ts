// Cases of stats/histogram: values on edges, outside, non-finite; one bin to 256; many workgroups.
import { histogramReference } from "../../../src/kernels/stats/histogram.ref.ts";
import { histogramBytes, histogramCall, histogramEdges, histogramSpec } from "../../../src/kernels/stats/histogram.ts";
import { anyBits, bytesOf, contents, weights } from "../../support/float-data.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

function histogramCase(
  name: string,
  source: Float32Array,
  limits: readonly [number, number] = [-0.1, 0.1],
  bins = 64,
  tuning: Parameters<typeof histogramCall>[2] = {},
): KernelCase {
  const edges = histogramEdges(...limits, bins);
  return {
    name,
    call: histogramCall(source.length, edges, tuning),
    buffers: [bytesOf(source), bytesOf(edges), histogramBytes(bins)],
  };
}

/** Every edge, and the floats beside it. */
function edgeValues(lo: number, hi: number, bins: number): Float32Array {
  const words = new Uint32Array(histogramEdges(lo, hi, bins).buffer);
  return new Float32Array(Uint32Array.from([...words].flatMap((bits) => [bits - 1, bits, bits + 1])).buffer);
}

export const room: KernelRoom = {
  spec: histogramSpec,
  reference: histogramReference,
  cases: [
    ...[1, 2, 3, 16_383, 16_384, 16_385].map((count) => histogramCase(`${count} elements`, weights(count))),
    ...contents(1003).map(([name, values]) => histogramCase(name, values)),
    histogramCase("edges and their neighbours", edgeValues(0.5, 1.5, 64), [0.5, 1.5]),
    histogramCase("edges around zero", edgeValues(-1, 3, 7), [-1, 3], 7),
    histogramCase("equal limits", new Float32Array(50).fill(2), [2, 2]),
    histogramCase("one bin", weights(500), [-0.05, 0.05], 1),
    histogramCase("256 bins", weights(5000), [-0.2, 0.2], 256),
    histogramCase("all the range of f32", anyBits(9000), [-3e38, 3e38], 64, { wg: 32 }),
    histogramCase("more than 65,535 workgroups", weights(65_536 * 4 + 9), [-0.1, 0.1], 8, {
      wg: 1,
      elementsPerThread: 4,
    }),
  ],
};
