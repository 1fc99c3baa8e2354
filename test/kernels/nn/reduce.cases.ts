// Cases of nn/reduce: every operation, long and short rows shared by one thread or many, specials.
import { reduceReference } from "../../../src/kernels/nn/reduce.ref.ts";
import { reduceCall, reduceOps, reduceSpec, type ReduceOp } from "../../../src/kernels/nn/reduce.ts";
import type { AxisShape } from "../../../src/kernels/nn/rows.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { axisShapes, elementsOf, nameOf } from "./axis-fixtures.ts";
import { numbers } from "./window-fixtures.ts";

function caseOf(op: ReduceOp, shape: AxisShape, values?: Float32Array): KernelCase {
  const count = elementsOf(shape);
  // Positive for logarithms, near 1 for products.
  const plain = numbers(count, shape.axis).map((v) => (op === "logSum" ? v + 1.5 : op === "prod" ? 1 + v * 0.05 : v));
  return {
    name: `${op} of ${nameOf(shape)}${values ? " with specials" : ""}`,
    call: () => reduceCall(shape, op),
    buffers: [bytesOf(values ?? plain), 4 * shape.outer * shape.inner],
  };
}

const wholeNumbers = (count: number): Uint8Array =>
  new Uint8Array(Int32Array.from(numbers(count, 9), (v) => Math.round(v * 2 ** 20)).buffer);

const special = (at: number, value: number): Float32Array => {
  const values = numbers(6 * 80, 5);
  values[at] = value;
  return values;
};
const six: AxisShape = { outer: 6, axis: 80, inner: 1 };

export const room: KernelRoom = {
  spec: reduceSpec,
  reference: reduceReference,
  cases: [
    ...reduceOps.flatMap((op, o) => axisShapes.filter((_, i) => (i + o) % 2 === 0).map((shape) => caseOf(op, shape))),
    ...(["sum", "max", "min", "logSumExp"] as const).flatMap((op) => [
      caseOf(op, six, special(100, Number.NaN)),
      caseOf(op, six, special(3, Number.POSITIVE_INFINITY)),
      caseOf(op, six, special(85, Number.NEGATIVE_INFINITY)),
    ]),
    caseOf("logSumExp", six, numbers(480, 4, 1000)),
    caseOf("max", six, new Float32Array(480).fill(Number.NEGATIVE_INFINITY)),
    caseOf("logSumExp", six, new Float32Array(480).fill(Number.NEGATIVE_INFINITY)),
    ...(["sum", "max", "min", "prod"] as const).flatMap((whole) =>
      axisShapes.slice(1, 5).map((shape): KernelCase => ({
        name: `${whole} of i32 ${nameOf(shape)}`,
        call: () => reduceCall(shape, { whole }),
        buffers: [wholeNumbers(elementsOf(shape)), 4 * shape.outer * shape.inner],
      })),
    ),
    {
      name: "more than 65,535 workgroups",
      call: () => reduceCall({ outer: 70_001, axis: 2, inner: 1 }, "sum", { wg: 1 }),
      buffers: [bytesOf(numbers(140_002, 8)), 4 * 70_001],
    },
  ],
};
