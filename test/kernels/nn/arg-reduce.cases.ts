// Cases of nn/arg-reduce: largest and smallest, first and last of equals.
import { argReduceReference } from "../../../src/kernels/nn/arg-reduce.ref.ts";
import { argReduceCall, argReduceSpec } from "../../../src/kernels/nn/arg-reduce.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { axisShapes, elementsOf, nameOf } from "./axis-fixtures.ts";
import { numbers } from "./window-fixtures.ts";

export const room: KernelRoom = {
  spec: argReduceSpec,
  reference: argReduceReference,
  cases: (["argMax", "argMin"] as const).flatMap((op) =>
    axisShapes.flatMap((shape) =>
      [false, true].map((last): KernelCase => ({
        name: `${op} of ${nameOf(shape)}, ${last ? "last" : "first"}`,
        call: argReduceCall(shape, op, last),
        // Few different values, so that most rows hold several best ones.
        buffers: [bytesOf(numbers(elementsOf(shape), 3).map((v) => Math.round(v * 3))), 4 * shape.outer * shape.inner],
      })),
    ),
  ),
};
