import { expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { rnnStepCall } from "../../../src/kernels/rnn/rnn-step.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./rnn-step.cases.ts";
import { stepOf } from "./step-fixtures.ts";

describeRoom(room);

it("refuses places beyond 32 bits", () => {
  const far = { ...stepOf(8, 4, 0), steps: 2 ** 20, x: { at: 0, time: 2 ** 13, batch: 1 } };
  expect(() => rnnStepCall(far)).toThrow(UnsupportedError);
});
