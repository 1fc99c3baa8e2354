import { expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { integerMatmulCall } from "../../../src/kernels/matmul/integer.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./integer.cases.ts";

describeRoom(room);

it("refuses what indices of 32 bits do not reach", () => {
  expect(() => integerMatmulCall({ m: 2 ** 16, n: 2 ** 16, k: 4 })).toThrow(UnsupportedError);
});
