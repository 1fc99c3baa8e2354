import { expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { gruStepCall } from "../../../src/kernels/rnn/gru-step.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./gru-step.cases.ts";
import { stepOf } from "./step-fixtures.ts";

describeRoom(room);

it("refuses places beyond 32 bits", () => {
  const far = { part: "whole" as const, ...stepOf(8, 4, 0), steps: 2 ** 20, x: { at: 0, time: 2 ** 13, batch: 1 } };
  expect(() => gruStepCall(far)).toThrow(UnsupportedError);
});
