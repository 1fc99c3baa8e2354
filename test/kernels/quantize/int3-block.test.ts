import { expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { int3BlockCall } from "../../../src/kernels/quantize/int3-block.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./int3-block.cases.ts";

describeRoom(room);

it.each([16, 48])("refuses blocks of %i, which do not fill whole words", (blockSize) => {
  expect(() => int3BlockCall({ rows: 1, cols: 96, blockSize })).toThrow(UnsupportedError);
});

it("refuses what indices of 32 bits do not reach", () => {
  expect(() => int3BlockCall({ rows: 2 ** 16, cols: 2 ** 15, blockSize: 32 })).toThrow(UnsupportedError);
});
