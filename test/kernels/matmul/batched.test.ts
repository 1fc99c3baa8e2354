import { describe, expect, it } from "vitest";
import { InternalError, UnsupportedError } from "../../../src/base/errors.ts";
import { batchedMatmulCall, matmulShape } from "../../../src/kernels/matmul/batched.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { testDevice } from "../../support/gpu.ts";
import { runKernelCase } from "../../support/kernel-harness.ts";
import { eightLanes, room } from "./batched.cases.ts";

describeRoom(room);

describe("subgroups of eight lanes", () => {
  const device = testDevice();
  it.each(eightLanes)("share the lines of $name", async (kernelCase) => {
    const gpu = await device();
    // Smaller subgroups can't be asked for lanes that they do not have.
    if ((gpu.profile.subgroupSize?.min ?? 0) < 8) return;
    expect(await runKernelCase(gpu, room, kernelCase, "wide-subgroups")).toBeUndefined();
  });
});

const target = { features: [], adapterClass: "hardware" } as const;

it.each<[number[], number[], number[]]>([
  [[4], [4], []],
  [[4], [4, 5], [5]],
  [[2, 3, 4], [4], [2, 3]],
  [
    [7, 1, 3, 4],
    [2, 4, 5],
    [7, 2, 3, 5],
  ],
])("gives [%s] x [%s] the dims [%s]", (a, b, dims) => {
  expect(matmulShape(a, b).dims).toEqual(dims);
});

it.each<[number[], number[]]>([
  [
    [2, 3],
    [4, 5],
  ],
  [
    [2, 3, 4],
    [3, 4, 5],
  ],
])("refuses [%s] x [%s]", (a, b) => {
  expect(() => matmulShape(a, b)).toThrow(InternalError);
});

it("takes all matrices of A as one where they meet the same B", () => {
  expect(matmulShape([6, 7, 8], [8, 4], { bias: [4] }).shape).toMatchObject({ m: 42, n: 4, k: 8 });
});

it("refuses what indices of 32 bits do not reach", () => {
  const shape = { m: 2 ** 20, n: 2 ** 13, k: 4 };
  expect(() => batchedMatmulCall(shape, target)).toThrow(UnsupportedError);
  const batch = Array.from({ length: 5 }, () => ({ size: 2, a: 0, b: 0, y: 16 }));
  expect(() => batchedMatmulCall({ m: 4, n: 4, k: 4, batch }, target)).toThrow(UnsupportedError);
});
