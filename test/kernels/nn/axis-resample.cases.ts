// Cases of nn/axis-resample: tables of every kind, either end of the axis, outputs outside the input.
import { axisResampleReference } from "../../../src/kernels/nn/axis-resample.ref.ts";
import { axisResampleCall, axisResampleSpec } from "../../../src/kernels/nn/axis-resample.ts";
import { resizeTable, type ResizeAxis } from "../../../src/kernels/nn/resize-table.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { numbers } from "./window-fixtures.ts";

function caseOf(
  outer: number,
  inner: number,
  axis: Partial<ResizeAxis> & { input: number; output: number },
): KernelCase {
  const { input, output } = axis;
  const table = resizeTable({ scale: output / input, mode: "linear", coordinates: "half_pixel", ...axis });
  const kind = [axis.mode ?? "linear", axis.coordinates ?? "half_pixel", axis.antialias ? "antialias" : ""].join(" ");
  return {
    name: `${kind}: [${outer}, ${input}, ${inner}] to ${output}`,
    call: axisResampleCall({ outer, axis: input, inner }, table, 7.5),
    buffers: [
      bytesOf(numbers(outer * input * inner, 3)),
      new Uint8Array(table.indices.buffer),
      bytesOf(table.weights),
      4 * outer * output * inner,
    ],
  };
}

export const room: KernelRoom = {
  spec: axisResampleSpec,
  reference: axisResampleReference,
  cases: [
    caseOf(1, 1, { input: 1, output: 1 }),
    caseOf(3, 1, { input: 7, output: 20, mode: "nearest", coordinates: "asymmetric", nearest: "floor" }),
    caseOf(2, 33, { input: 9, output: 18 }),
    caseOf(4, 5, { input: 16, output: 6, mode: "cubic", excludeOutside: true }),
    caseOf(2, 3, { input: 40, output: 13, antialias: true }),
    caseOf(2, 3, { input: 40, output: 13, mode: "cubic", antialias: true }),
    caseOf(3, 2, { input: 10, output: 12, coordinates: "tf_crop_and_resize", roi: [-0.2, 1.1] }),
  ],
};
