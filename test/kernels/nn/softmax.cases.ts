// Cases of nn/softmax: the three operations over every shape, large numbers, infinities, equal maxima.
import { softmaxReference } from "../../../src/kernels/nn/softmax.ref.ts";
import { softmaxCall, softmaxOps, softmaxSpec, type SoftmaxOp } from "../../../src/kernels/nn/softmax.ts";
import type { AxisShape } from "../../../src/kernels/nn/rows.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { axisShapes, elementsOf, nameOf } from "./axis-fixtures.ts";
import { numbers } from "./window-fixtures.ts";

const caseOf = (op: SoftmaxOp, shape: AxisShape, name: string, values: Float32Array, split?: number): KernelCase => ({
  name: `${op} of ${nameOf(shape)}${name}`,
  call: softmaxCall(shape, op, split === undefined ? {} : { split }),
  buffers: [bytesOf(values), 4 * elementsOf(shape)],
});

const few: AxisShape = { outer: 3, axis: 90, inner: 1 };
const masked = numbers(270, 2, 4).map((v, i) =>
  i % 3 === 1 || Math.floor(i / 90) === 1 ? Number.NEGATIVE_INFINITY : v,
);
const broken = numbers(270, 2, 4).map((v, i) => (i === 100 ? Number.NaN : v));
const equal = new Float32Array(270).fill(0.25);

export const room: KernelRoom = {
  spec: softmaxSpec,
  reference: softmaxReference,
  cases: [
    ...softmaxOps.flatMap((op) => axisShapes.map((s) => caseOf(op, s, "", numbers(elementsOf(s), s.axis, 4)))),
    ...softmaxOps.flatMap((op) => [
      caseOf(op, few, ", large", numbers(270, 6, 3e4)),
      caseOf(op, few, ", all equal", equal),
      caseOf(op, few, ", all equal, one thread a row", equal, 1),
    ]),
    caseOf("softmax", few, ", masked", masked),
    caseOf("softmax", few, ", masked, one thread a row", masked, 1),
    caseOf("softmax", few, " with a NaN", broken),
    caseOf("logSoftmax", few, " with a NaN, one thread a row", broken, 1),
  ],
};
