// Cases of nn/grid-sample: each mode and padding in planes and volumes, points far outside, and no numbers at all.
import { xoshiro128 } from "../../../src/base/random.ts";
import { gridSampleReference } from "../../../src/kernels/nn/grid-sample.ref.ts";
import {
  gridSampleCall,
  gridSampleSpec,
  sampleModes,
  samplePaddings,
  type GridSampleShape,
  type SampleManner,
} from "../../../src/kernels/nn/grid-sample.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { numbers } from "./window-fixtures.ts";

/** Points up to one and a half times as far out as x reaches. */
function pointsOf(count: number): Float32Array {
  const next = xoshiro128([count + 1, 0x9e3779b9, 0x243f6a88, 0xb7e15162]);
  return Float32Array.from({ length: count }, () => (3 * next()) / 2 ** 32 - 1.5);
}

function caseOf(shape: GridSampleShape, manner: SampleManner, grid?: readonly number[]): KernelCase {
  const { batch, channels, input, points } = shape;
  const { mode, padding, alignCorners } = manner;
  const size = input.reduce((all, side) => all * side, batch * channels);
  return {
    name: `${mode} ${padding}${alignCorners ? " corners" : ""}: ${points} points of [${input.join()}]${grid ? ", extreme" : ""}`,
    call: gridSampleCall(shape, manner),
    buffers: [
      bytesOf(numbers(size, 3)),
      bytesOf(grid ? Float32Array.from(grid) : pointsOf(batch * points * input.length)),
      4 * batch * channels * points,
    ],
  };
}

const plane: GridSampleShape = { batch: 2, channels: 3, input: [5, 7], points: 31 };
const volume: GridSampleShape = { batch: 2, channels: 2, input: [3, 4, 5], points: 20 };
const narrow: GridSampleShape = { batch: 1, channels: 2, input: [4, 1], points: 6 };
const single: GridSampleShape = { batch: 1, channels: 1, input: [1, 1], points: 1 };
const extremes = [Number.NaN, 0, 0, Number.NaN, Infinity, -Infinity, 3e38, -3e38, 1e9, -1e9, 40.3, -77.7];

const modesAndPaddings = sampleModes.flatMap((mode) => samplePaddings.map((padding) => ({ mode, padding })));

export const room: KernelRoom = {
  spec: gridSampleSpec,
  reference: gridSampleReference,
  cases: [
    caseOf(single, { mode: "cubic", padding: "zeros", alignCorners: true }),
    ...modesAndPaddings.map((manner) => caseOf(plane, { ...manner, alignCorners: false })),
    ...modesAndPaddings.map((manner) => caseOf(plane, { ...manner, alignCorners: true })),
    ...modesAndPaddings.map((manner, i) => caseOf(volume, { ...manner, alignCorners: i % 2 === 1 })),
    caseOf(narrow, { mode: "nearest", padding: "zeros", alignCorners: false }, extremes),
    caseOf(narrow, { mode: "cubic", padding: "zeros", alignCorners: true }, extremes),
    caseOf(narrow, { mode: "nearest", padding: "border", alignCorners: true }, extremes),
    caseOf({ ...single, points: 6 }, { mode: "linear", padding: "border", alignCorners: true }, extremes),
    caseOf({ ...single, points: 6 }, { mode: "linear", padding: "reflection", alignCorners: true }, extremes),
  ],
};
