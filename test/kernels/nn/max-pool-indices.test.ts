import { expect, it } from "vitest";
import { maxPoolIndicesCall } from "../../../src/kernels/nn/max-pool-indices.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./max-pool-indices.cases.ts";
import { convShape } from "./window-fixtures.ts";

describeRoom(room);

it("counts the first spatial dimension fastest in column-major order", () => {
  const { params } = maxPoolIndicesCall(convShape([16, 5], [2, 2]), true);
  expect([params["index_a"], params["index_b"]]).toEqual([1, 16]);
});
