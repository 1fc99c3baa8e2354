// Cases of quantize/group-mean: quotients of all sizes, exact ties, tiny means, f16 storage.
import { groupMeanReference } from "../../../src/kernels/quantize/group-mean.ref.ts";
import { groupMeanCall, groupMeanSpec } from "../../../src/kernels/quantize/group-mean.ts";
import type { KernelRoom } from "../../support/kernel-harness.ts";
import { bytesOf, oneThreadEach, uniform } from "./float-fixtures.ts";

interface Sum {
  readonly absmax: number;
  readonly sum: bigint;
  readonly count: number;
}

function caseOf(name: string, sums: readonly Sum[], segments: number, half = false) {
  const groups = sums.length / segments;
  const words = sums.flatMap(({ sum, count }) => [Number(sum & 0xffffffffn), Number(sum >> 32n), count]);
  const absmax = sums.filter((_, at) => at % segments === 0).map((s) => s.absmax);
  return {
    name: `${name}${half ? ", f16" : ""}`,
    call: groupMeanCall(groups, segments, 0.7, half),
    buffers: [bytesOf(absmax), new Uint8Array(Uint32Array.from(words).buffer), groups * 4, groups * 4],
  };
}

/** A sum that `count` elements of at most `absmax` can have. */
function randomSum(next: () => number): Sum {
  const count = 1 + Math.floor(2 ** (next() * 28));
  const mean = BigInt(Math.floor(2 ** (32 * next())));
  return {
    absmax: 2 ** (Math.floor(next() * 200) - 100) * (1 + next()),
    sum: mean * BigInt(count) + BigInt(Math.floor(next() * count)),
    count,
  };
}

const next = uniform(5);
const random = Array.from({ length: 300 }, () => randomSum(next));
const ties: Sum[] = [
  // (2^24 + odd) / 2: a quotient halfway between two f32, below an even and an odd one.
  { absmax: 1, sum: (2n ** 25n + 2n) * 4n + 4n, count: 8 },
  { absmax: 1.5, sum: 2n ** 31n + 64n, count: 1 },
  { absmax: 1.5, sum: 2n ** 31n + 192n, count: 1 },
  { absmax: 1.5, sum: 2n ** 32n - 1n, count: 1 },
  { absmax: 1.5, sum: (2n ** 32n - 1n) * 3n + 1n, count: 3 },
];
const ends: Sum[] = [
  { absmax: 0, sum: 0n, count: 100 },
  { absmax: 1, sum: 0n, count: 0 },
  { absmax: 2 ** 100, sum: 2n ** 31n, count: 1 },
  { absmax: 2 ** -126, sum: 2n ** 31n, count: 1 },
  { absmax: 2 ** -120, sum: 2n ** 31n, count: 1 },
  { absmax: 2 ** -120, sum: 2n ** 31n, count: 2 },
  { absmax: 65504, sum: 2n ** 31n, count: 1 },
  { absmax: 1, sum: 2n ** 31n, count: 4_294_967_295 },
  { absmax: 1, sum: 2n ** 63n - 1n, count: 2_147_483_648 },
];

export const room: KernelRoom = {
  spec: groupMeanSpec,
  reference: groupMeanReference,
  cases: [
    caseOf("one group", [{ absmax: 3, sum: 2n ** 31n, count: 1 }], 1),
    caseOf("random", random, 1),
    caseOf("random", random, 1, true),
    caseOf(
      "segments",
      random.map(({ absmax, count, sum }) => ({ absmax, count: count % 1000, sum: sum % 2n ** 41n })),
      6,
    ),
    caseOf("ties", ties, 1),
    caseOf("ends", ends, 1),
    caseOf("ends", ends, 1, true),
    oneThreadEach(
      caseOf(
        "many",
        Array.from({ length: 65_540 }, (_, at) => ({ absmax: 1, sum: BigInt(at) * 65_537n, count: 3 })),
        1,
      ),
      65_540,
    ),
  ],
};
