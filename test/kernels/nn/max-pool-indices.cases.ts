// Cases of nn/max-pool-indices: every window in both storage orders, equal maxima.
import { maxPoolIndicesReference } from "../../../src/kernels/nn/max-pool-indices.ref.ts";
import { maxPoolIndicesCall, maxPoolIndicesSpec } from "../../../src/kernels/nn/max-pool-indices.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { poolShapes } from "./pool-fixtures.ts";
import { numbers, sizeOf } from "./window-fixtures.ts";

export const room: KernelRoom = {
  spec: maxPoolIndicesSpec,
  reference: maxPoolIndicesReference,
  cases: [...poolShapes].flatMap(([name, shape]) =>
    [false, true].map((columnMajor): KernelCase => {
      const planes = shape.batch * shape.channels;
      // Few different values, so that windows hold several maxima.
      const values = numbers(planes * sizeOf(shape.input), 4).map((v) => Math.round(v * 3));
      return {
        name: `${name}${columnMajor ? ", column-major" : ""}`,
        call: maxPoolIndicesCall(shape, columnMajor),
        buffers: [bytesOf(values), 4 * planes * sizeOf(shape.output)],
      };
    }),
  ),
};
