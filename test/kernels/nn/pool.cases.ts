// Cases of nn/pool: every operation over windows of 1 to 3 dimensions, outputs rounded up, specials.
import { poolReference } from "../../../src/kernels/nn/pool.ref.ts";
import { poolCall, poolOps, poolSpec, type PoolOp, type PoolOptions } from "../../../src/kernels/nn/pool.ts";
import type { WindowShape } from "../../../src/kernels/nn/conv-shape.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf } from "../quantize/float-fixtures.ts";
import { numbers, sizeOf } from "./window-fixtures.ts";
import { poolShapes } from "./pool-fixtures.ts";

function caseOf(name: string, op: PoolOp, shape: WindowShape, options: PoolOptions = {}, special?: number): KernelCase {
  const planes = shape.batch * shape.channels;
  const values = numbers(planes * sizeOf(shape.input), 3);
  if (special !== undefined) values[5] = special;
  return {
    name: `${op}, ${name}`,
    call: poolCall(shape, op, options),
    buffers: [bytesOf(values), 4 * planes * sizeOf(shape.output)],
  };
}

const [plain] = [...poolShapes.values()];

export const room: KernelRoom = {
  spec: poolSpec,
  reference: poolReference,
  cases: [
    ...poolOps.flatMap((op) =>
      [...poolShapes].map(([name, shape]) => caseOf(name, op, shape, { padsEnd: shape.padsBegin })),
    ),
    ...(plain
      ? [
          caseOf("p of 3", "lp", plain, { p: 3 }),
          caseOf("p of 1", "lp", plain, { p: 1 }),
          caseOf("NaN", "max", plain, {}, Number.NaN),
          caseOf("NaN", "average", plain, {}, Number.NaN),
          caseOf("infinity", "max", plain, {}, Number.NEGATIVE_INFINITY),
        ]
      : []),
  ],
};
