// Cases of nn/roi-align: regions within, across and beyond the edges, turned around, and of no batch entry.
import { xoshiro128 } from "../../../src/base/random.ts";
import { roiAlignReference } from "../../../src/kernels/nn/roi-align.ref.ts";
import {
  roiAlignCall,
  roiAlignSpec,
  type RoiAlignManner,
  type RoiAlignShape,
} from "../../../src/kernels/nn/roi-align.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { numbers } from "./window-fixtures.ts";

function caseOf(shape: RoiAlignShape, manner: RoiAlignManner): KernelCase {
  const { batch, channels, input, regions, output } = shape;
  const next = xoshiro128([regions + 1, 0x9e3779b9, 0x243f6a88, 0xb7e15162]);
  const reach = Math.max(...input) / manner.scale;
  const rois = Float32Array.from({ length: 4 * regions }, () => reach * ((2 * next()) / 2 ** 32 - 0.5));
  const entries = Int32Array.from({ length: regions }, (_, i) => (i % (batch + 2)) - 1);
  return {
    name: `${manner.op} of ${manner.samples || "adaptive"} samples${manner.halfPixel ? ", half pixel" : ""}: ${regions} of [${input.join()}] to [${output.join()}]`,
    call: roiAlignCall(shape, manner),
    buffers: [
      bytesOf(numbers(batch * channels * input[0] * input[1], 3)),
      bytesOf(rois),
      new Uint8Array(entries.buffer),
      4 * regions * channels * output[0] * output[1],
    ],
  };
}

const some: RoiAlignShape = { batch: 2, channels: 3, input: [9, 7], regions: 11, output: [2, 3] };

export const room: KernelRoom = {
  spec: roiAlignSpec,
  reference: roiAlignReference,
  cases: [
    caseOf(some, { op: "avg", samples: 0, scale: 0.5, halfPixel: true }),
    caseOf(some, { op: "avg", samples: 2, scale: 1, halfPixel: false }),
    caseOf(some, { op: "max", samples: 0, scale: 0.25, halfPixel: false }),
    caseOf(some, { op: "max", samples: 3, scale: 1, halfPixel: true }),
    caseOf({ ...some, input: [1, 1], output: [1, 1] }, { op: "avg", samples: 1, scale: 1, halfPixel: true }),
  ],
};
