// Cases of nn/lrn: odd and even sizes, more than there are channels, constants that matter.
import { lrnReference } from "../../../src/kernels/nn/lrn.ref.ts";
import { lrnCall, lrnSpec, type LrnOptions } from "../../../src/kernels/nn/lrn.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { numbers } from "./window-fixtures.ts";

function caseOf(batch: number, channels: number, inner: number, options: LrnOptions): KernelCase {
  const count = batch * channels * inner;
  return {
    name: `[${batch}, ${channels}, ${inner}] over ${options.size}`,
    call: lrnCall({ batch, channels, inner }, options),
    buffers: [bytesOf(numbers(count, 3, 2)), 4 * count],
  };
}

export const room: KernelRoom = {
  spec: lrnSpec,
  reference: lrnReference,
  cases: [
    caseOf(1, 1, 1, { size: 1 }),
    caseOf(2, 9, 35, { size: 5, alpha: 0.5 }),
    caseOf(1, 6, 20, { size: 4, alpha: 2, beta: 0.5, bias: 2 }),
    caseOf(2, 3, 7, { size: 9, alpha: 1 }),
  ],
};
