// Cases of nn/cumulative-sum: both directions, with and without the element itself, floats and integers.
import { cumulativeSumReference } from "../../../src/kernels/nn/cumulative-sum.ref.ts";
import {
  cumulativeSumCall,
  cumulativeSumSpec,
  type CumulativeSumOptions,
} from "../../../src/kernels/nn/cumulative-sum.ts";
import type { AxisShape } from "../../../src/kernels/nn/rows.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

function caseOf(shape: AxisShape, options: CumulativeSumOptions): KernelCase {
  const count = shape.outer * shape.axis * shape.inner;
  // Whole numbers, of which sums are exact in f32.
  const values = Array.from({ length: count }, (_, i) => ((i * 11) % 17) - 8);
  return {
    name: `[${shape.outer}, ${shape.axis}, ${shape.inner}] ${JSON.stringify(options)}`,
    call: cumulativeSumCall(shape, options),
    buffers: [new Uint8Array((options.whole ? Int32Array : Float32Array).from(values).buffer), 4 * count],
  };
}

export const room: KernelRoom = {
  spec: cumulativeSumSpec,
  reference: cumulativeSumReference,
  cases: [
    caseOf({ outer: 1, axis: 1, inner: 1 }, {}),
    caseOf({ outer: 3, axis: 9, inner: 5 }, {}),
    caseOf({ outer: 3, axis: 9, inner: 5 }, { exclusive: true }),
    caseOf({ outer: 70, axis: 4, inner: 1 }, { reverse: true }),
    caseOf({ outer: 1, axis: 100, inner: 3 }, { exclusive: true, reverse: true, whole: true }),
  ],
};
