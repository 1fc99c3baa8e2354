// Cases of rnn/lstm-step: both directions, lengths, peepholes, coupled gates, clip and every kind of function.
import { lstmStepReference } from "../../../src/kernels/rnn/lstm-step.ref.ts";
import { lstmStepCall, lstmStepSpec, type LstmStep } from "../../../src/kernels/rnn/lstm-step.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { anyWord, backwards, entriesFirst, lengths, signals, sizeY, stepOf } from "./step-fixtures.ts";

function caseOf(name: string, hidden: number, step: number, more: Partial<LstmStep> = {}): KernelCase {
  const of: LstmStep = { ...stepOf(hidden, 4, step), ...more };
  return {
    name,
    call: lstmStepCall(of),
    buffers: [
      signals(4 * 3 * 4 * hidden, 1),
      signals(3 * 4 * hidden, 2),
      signals(2 * 3 * hidden, 3),
      of.peepholes ? signals(3 * hidden, 4) : anyWord,
      of.lengths ? lengths : anyWord,
      sizeY(hidden),
      2 * 3 * hidden * 4,
    ],
  };
}

export const room: KernelRoom = {
  spec: lstmStepSpec,
  reference: lstmStepReference,
  cases: [
    caseOf("first step", 33, 0),
    caseOf("last step, peepholes", 20, 3, { peepholes: true }),
    caseOf("coupled gates, clip", 17, 1, { inputForget: true, clip: 1.5 }),
    caseOf("entries first", 5, 2, entriesFirst(5, 4)),
    caseOf("backwards over lengths, within", 16, 1, backwards(16)),
    caseOf("backwards over lengths, past", 16, 2, backwards(16)),
    caseOf("forwards over lengths", 16, 3, { lengths: true }),
    caseOf("backwards without lengths", 9, 0, { reverse: true }),
    caseOf("hard sigmoid, softsign, scaled tanh", 8, 0, {
      functions: [
        { kind: "hardSigmoid", a: 0.2, b: 0.5 },
        { kind: "softsign" },
        { kind: "scaledTanh", a: 1.7, b: 0.6 },
      ],
    }),
    caseOf("affine, softplus, leaky relu", 8, 0, {
      functions: [{ kind: "affine", a: 0.25, b: 0.5 }, { kind: "softplus" }, { kind: "leakyRelu", a: 0.01 }],
      clip: 3,
    }),
  ],
};
