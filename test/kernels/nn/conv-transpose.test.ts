import { expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { convTransposeCall, convTransposeOutput } from "../../../src/kernels/nn/conv-transpose.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./conv-transpose.cases.ts";
import { convShape } from "./window-fixtures.ts";

describeRoom(room);

it("sizes its output as ONNX says", () => {
  const shape = convShape([3, 3], [3, 3], { strides: [3, 2], padsBegin: [1, 1] });
  expect(convTransposeOutput(shape, [1, 1], [1, 1])).toEqual([8, 6]);
});

it("refuses groups that do not divide the channels", () => {
  expect(() => convTransposeCall(convShape([4], [1], { channels: 4, outputs: 6, groups: 4 }))).toThrow(UsageError);
});
