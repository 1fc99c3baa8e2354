// Cases of stats/tensor-error. Minimum, maximum, counts and fingerprint must be exact; sums within tolerance.
import { errorRecordBytes, errorWords } from "../../../src/kernels/quantize/error-sums.ts";
import { tensorErrorReference } from "../../../src/kernels/stats/tensor-error.ref.ts";
import {
  tensorErrorBytes,
  tensorErrorCall,
  tensorErrorSpec,
  type TensorErrorOptions,
} from "../../../src/kernels/stats/tensor-error.ts";
import { anyBits, bytesOf, contents, weights, withOddBits } from "../../support/float-data.ts";
import { compareRecords } from "../../support/records.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

/** What a coarse rounding leaves. */
const coarse = (values: Float32Array): Float32Array => values.map((x) => Math.round(x * 64) / 64);

function errorCase(
  name: string,
  source: Float32Array,
  decoded: Float32Array,
  options: TensorErrorOptions = {},
  wg = 64,
): KernelCase {
  return {
    name,
    call: tensorErrorCall(source.length, options, { wg }),
    buffers: [bytesOf(source), bytesOf(decoded), tensorErrorBytes(source.length, options)],
  };
}

const sameSource = (count: number): KernelCase =>
  errorCase(`${count} elements`, weights(count), coarse(weights(count)));
const exactWords = ["minSource", "maxSource", "clipped", "nonFinite", "firstNonFinite", "fingerprint", "count"];
/** Squares of numbers below 2^-50 or above 2^60 leave the range of f32 sums. */
const calm = (values: Float32Array): Float32Array =>
  values.map((x) => (Number.isFinite(x) && (Math.abs(x) > 2 ** 60 || Math.abs(x) < 2 ** -50) ? 1 : x));

export const room: KernelRoom = {
  spec: tensorErrorSpec,
  reference: tensorErrorReference,
  compare: (_binding, gpu, reference) =>
    compareRecords(gpu, reference, {
      words: errorWords,
      recordBytes: errorRecordBytes,
      exact: exactWords,
      tolerance: tensorErrorSpec.tolerance,
    }),
  cases: [
    ...[1, 2, 3, 4, 5, 255, 256, 257, 4095, 70_001].map(sameSource),
    ...contents(1003)
      .filter(([name]) => !["huge", "subnormals", "tiny normals"].includes(name))
      .map(([name, values]) => errorCase(name, calm(values), coarse(calm(values)))),
    errorCase("a clip limit", weights(3001), coarse(weights(3001)), { clipLimit: 0.1 }),
    errorCase("decoded holds infinities and NaN", weights(2000), calm(withOddBits(2000))),
    errorCase("both hold anything", calm(anyBits(5000)), calm(anyBits(5000, 9))),
    errorCase("long segments", weights(1_000_003), coarse(weights(1_000_003))),
    errorCase("more than 65,535 workgroups", weights(263_000), coarse(weights(263_000)), { quadsPerThread: 1 }, 1),
  ],
};
