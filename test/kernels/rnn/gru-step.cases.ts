// Cases of rnn/gru-step: its three parts, directions, lengths, clip and functions.
import { gruStepReference } from "../../../src/kernels/rnn/gru-step.ref.ts";
import { gruStepCall, gruStepSpec, type GruStep } from "../../../src/kernels/rnn/gru-step.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { anyWord, backwards, entriesFirst, lengths, signals, sizeY, stepOf } from "./step-fixtures.ts";

function caseOf(
  part: GruStep["part"],
  name: string,
  hidden: number,
  step: number,
  more: Partial<GruStep> = {},
): KernelCase {
  const of: GruStep = { ...stepOf(hidden, 3, step), ...more, part };
  return {
    name: `${part}: ${name}`,
    call: gruStepCall(of),
    buffers: [
      signals(4 * 3 * 3 * hidden, 1),
      signals(3 * 3 * hidden, 2),
      part === "finish" ? signals(3 * hidden, 5) : anyWord,
      signals(3 * hidden, 3),
      of.lengths ? lengths : anyWord,
      sizeY(hidden),
      3 * hidden * 4,
    ],
  };
}

const parts = ["whole", "reset", "finish"] as const;

export const room: KernelRoom = {
  spec: gruStepSpec,
  reference: gruStepReference,
  cases: [
    ...parts.flatMap((part) => [
      caseOf(part, "first step", 33, 0),
      caseOf(part, "backwards over lengths, within", 16, 1, backwards(16)),
      caseOf(part, "backwards over lengths, past", 16, 2, backwards(16)),
      caseOf(part, "forwards over lengths, clip", 7, 3, { lengths: true, clip: 1 }),
    ]),
    caseOf("whole", "entries first", 5, 2, entriesFirst(5, 3)),
    caseOf("finish", "rows of h_gates with all gates", 6, 1, { lineH: 18 }),
    caseOf("whole", "hard sigmoid, thresholded relu", 8, 0, {
      functions: [
        { kind: "hardSigmoid", a: 0.2, b: 0.5 },
        { kind: "thresholdedRelu", a: 1 },
      ],
    }),
  ],
};
