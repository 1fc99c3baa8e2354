import { expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { sweepCall } from "../../../src/kernels/gptq/sweep.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./sweep.cases.ts";

describeRoom(room);

it("refuses what indices of 31 bits do not reach", () => {
  const shape = {
    line: 2 ** 16,
    at: 0,
    count: 16,
    n: 4,
    weight: { row: 1, col: 4 },
    group: { row: 1, col: 4 },
    blockSize: 16,
  };
  const rule = { bits: 4, signed: false, scheme: "asymmetric", rounding: "half-up", halfScales: false } as const;
  expect(() => sweepCall(shape, rule)).toThrow(UnsupportedError);
});
