import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { tableMatmulCall } from "../../../src/kernels/matmul/table.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { testDevice } from "../../support/gpu.ts";
import { runKernelCase } from "../../support/kernel-harness.ts";
import { eightLanes, room } from "./table.cases.ts";

describeRoom(room);

describe("subgroups of eight lanes", () => {
  const device = testDevice();
  it("share a row each", async ({ skip }) => {
    const gpu = await device();
    if ((gpu.profile.subgroupSize?.min ?? 0) < 8) skip(`${gpu.profile.description} has smaller subgroups`);
    expect(await runKernelCase(gpu, room, eightLanes, "wide-subgroups")).toBeUndefined();
  });
});

const target = { features: [], adapterClass: "hardware" } as const;

it("refuses rows that do not lie on whole words", () => {
  const shape = { m: 4, n: 4, k: 36, blockSize: 64, layout: "flat" } as const;
  expect(() => tableMatmulCall("nf4", shape, target)).toThrow(UnsupportedError);
  expect(() => tableMatmulCall("int3", { m: 1, n: 4, k: 64, blockSize: 16 }, target)).toThrow(UnsupportedError);
});

it("refuses halves whose rows do not lie on whole quads", () => {
  const shape = { m: 4, n: 4, k: 33, blockSize: 32, halfInput: true };
  expect(() => tableMatmulCall("nf4", shape, target)).toThrow(UnsupportedError);
});

it("refuses what indices of 32 bits do not reach", () => {
  const shape = { m: 1, n: 2 ** 16, k: 2 ** 15, blockSize: 32 };
  expect(() => tableMatmulCall("nf4", shape, target)).toThrow(UnsupportedError);
});
