import { expect, it } from "vitest";
import { InternalError, UnsupportedError } from "../../../src/base/errors.ts";
import { choleskyBlockReference } from "../../../src/kernels/factor/cholesky-block.ref.ts";
import { choleskyBlockCall } from "../../../src/kernels/factor/cholesky-block.ts";
import { referenceParams } from "../../../src/kernels/kernel.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { room } from "./cholesky-block.cases.ts";

describeRoom(room);

it("refuses blocks that are not of whole quads, and matrices beyond 32-bit indices", () => {
  expect(() => choleskyBlockCall({ size: 20, at: 2, rows: 8 }, 0)).toThrow(InternalError);
  expect(() => choleskyBlockCall({ size: 20, at: 16, rows: 8 }, 0)).toThrow(InternalError);
  expect(() => choleskyBlockCall({ size: 2 ** 16, at: 0, rows: 128 }, 0)).toThrow(UnsupportedError);
});

it("counts the pivots that are none", () => {
  const [broken] = room.cases.slice(-1);
  if (!broken || typeof broken.call === "function") throw new Error("the case has a call");
  const buffers = broken.buffers.map((buffer) =>
    typeof buffer === "number" ? new Uint8Array(buffer) : buffer.slice(),
  );
  choleskyBlockReference(referenceParams(broken.call), buffers);
  expect(buffers[2]?.[0]).toBe(2);
});
