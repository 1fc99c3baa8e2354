import { expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { blockMatvecCall } from "../../../src/kernels/matmul/block-matvec.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./block-matvec.cases.ts";

describeRoom(room);

it.each([8, 24, 48])("refuses blocks of %i, which do not fill whole words or powers of two", (blockSize) => {
  const rule = { bits: 4, signed: true, scheme: "symmetric" } as const;
  expect(() => blockMatvecCall({ rows: 4, cols: 96, blockSize, batch: 1 }, rule)).toThrow(UnsupportedError);
});
