import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { referenceParams } from "../../../src/kernels/kernel.ts";
import { packedDotReference } from "../../../src/kernels/matmul/packed-dot.ref.ts";
import { packedDotCall, packedDotSpec, type PackedElement } from "../../../src/kernels/matmul/packed-dot.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { testDevice } from "../../support/gpu.ts";
import { canRun, runCall } from "../../support/kernel-harness.ts";
import { caseOf, room } from "./packed-dot.cases.ts";

describeRoom(room);

const rawCases: readonly (readonly [PackedElement, { m: number; n: number; k: number }])[] = [
  ["int8", { m: 5, n: 9, k: 131 }],
  ["int8", { m: 1, n: 6, k: 12 }],
  ["sign", { m: 5, n: 9, k: 131 }],
];

describe("raw sums", () => {
  const device = testDevice();
  it.each(rawCases)("of %s are the reference's to the bit in every variant", async (element, shape) => {
    const gpu = await device();
    const { buffers } = caseOf(element, { ...shape, raw: true });
    for (const variant of packedDotSpec.variants.filter((each) => canRun(gpu, each))) {
      const call = packedDotCall(element, { ...shape, raw: true }, { features: variant.requires });
      const want = buffers.map((initial) => (typeof initial === "number" ? new Uint8Array(initial) : initial.slice()));
      packedDotReference(referenceParams(call), want);
      const got = await runCall(gpu, packedDotSpec, call, buffers);
      expect(got.at(-1)).toEqual(want.at(-1));
    }
  });
});

it("refuses sums beyond 32 bits and indices beyond one dispatch", () => {
  const target = { features: [] };
  expect(() => packedDotCall("int8", { m: 1, n: 1, k: 2 ** 17 }, target)).toThrow(UnsupportedError);
  expect(() => packedDotCall("sign", { m: 2 ** 15, n: 2 ** 15, k: 32 }, target)).toThrow(UnsupportedError);
});
