// Cases of rnn/rnn-step: directions, lengths, clip and functions.
import { rnnStepReference } from "../../../src/kernels/rnn/rnn-step.ref.ts";
import { rnnStepCall, rnnStepSpec, type RnnStep } from "../../../src/kernels/rnn/rnn-step.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { anyWord, backwards, entriesFirst, lengths, signals, sizeY, stepOf } from "./step-fixtures.ts";

function caseOf(name: string, hidden: number, step: number, more: Partial<RnnStep> = {}): KernelCase {
  const of: RnnStep = { ...stepOf(hidden, 1, step), ...more };
  const ownLengths = of.lengths ? lengths : anyWord;
  const buffers = [signals(12 * hidden, 1), signals(3 * hidden, 2), signals(3 * hidden, 3), ownLengths];
  return { name, call: rnnStepCall(of), buffers: [...buffers, sizeY(hidden), 3 * hidden * 4] };
}

export const room: KernelRoom = {
  spec: rnnStepSpec,
  reference: rnnStepReference,
  cases: [
    caseOf("first step", 70, 0),
    caseOf("entries first", 5, 2, entriesFirst(5, 1)),
    caseOf("backwards over lengths, within", 16, 1, backwards(16)),
    caseOf("backwards over lengths, past", 16, 2, backwards(16)),
    caseOf("relu", 8, 3, { functions: [{ kind: "relu" }] }),
    caseOf("elu, clip", 8, 3, { functions: [{ kind: "elu", a: 0.7 }], clip: 2 }),
  ],
};
