import { expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { lstmStepCall } from "../../../src/kernels/rnn/lstm-step.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./lstm-step.cases.ts";
import { stepOf } from "./step-fixtures.ts";

describeRoom(room);

it("refuses places beyond 32 bits", () => {
  const far = { ...stepOf(8, 4, 0), steps: 2 ** 20, x: { at: 0, time: 2 ** 13, batch: 1 } };
  expect(() => lstmStepCall(far)).toThrow(UnsupportedError);
});
