import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { blockMatmulCall } from "../../../src/kernels/matmul/block.ts";
import { describeRoom } from "../../support/describe-room.ts";
import { testDevice } from "../../support/gpu.ts";
import { runKernelCase } from "../../support/kernel-harness.ts";
import { eightLanes, room } from "./block.cases.ts";

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

it.each([8, 24, 48])("refuses blocks of %i, which do not fill whole words or powers of two", (blockSize) => {
  const rule = { bits: 4, signed: true, scheme: "symmetric" } as const;
  expect(() => blockMatmulCall({ m: 4, n: 4, k: 96, blockSize }, rule, target)).toThrow(UnsupportedError);
});

it("refuses what indices of 32 bits do not reach", () => {
  const rule = { bits: 4, signed: false, scheme: "asymmetric" } as const;
  const shape = { m: 1, n: 2 ** 15, k: 2 ** 14, blockSize: 32 };
  expect(() => blockMatmulCall(shape, rule, target)).toThrow(UnsupportedError);
});
