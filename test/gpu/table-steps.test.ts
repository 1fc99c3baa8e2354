// Whole chains of table and cast steps on the device: every buffer they leave equals the references'.
import { describe, expect, it } from "vitest";
import { kernelReferences } from "../../src/kernels/references.ts";
import { kernelSpecs } from "../../src/kernels/registry.ts";
import { castEncodeSteps } from "../../src/methods/quantize/cast-steps.ts";
import { tableDecodeSteps, tableEncodeSteps } from "../../src/methods/quantize/table-steps.ts";
import { bytesOf, weights, withOddBits } from "../support/float-data.ts";
import { testDevice } from "../support/gpu.ts";
import { memoryOf, runByReference, runOnDevice, type StepsToRun } from "../support/run-steps.ts";
import { flatRequest } from "../support/table-requests.ts";

const device = testDevice();
const count = 64 * 1031 + 7;
const sources = { weights: weights(count), odd: withOddBits(count) };

async function expectSame(pieces: readonly StepsToRun[], values: Float32Array): Promise<void> {
  const want = memoryOf(pieces, { source: bytesOf(values) });
  const got = memoryOf(pieces, { source: bytesOf(values) });
  runByReference(pieces, want, kernelReferences);
  await runOnDevice(await device(), pieces, got, kernelSpecs);
  for (const [name, bytes] of want) expect(Buffer.compare(got.get(name) ?? Buffer.alloc(0), bytes), name).toBe(0);
}

describe.each(Object.entries(sources))("%s", (_name, values) => {
  it.each([
    { table: "nf4", doubleQuantized: false },
    { table: "nf4", doubleQuantized: true },
    { table: "fp4", doubleQuantized: true },
  ] as const)("$table, double quantization $doubleQuantized", async (encoding) => {
    const { profile } = await device();
    const request = flatRequest({ kind: "table", ...encoding }, count);
    const encoded = tableEncodeSteps(profile, request);
    const decode = tableDecodeSteps(profile, request, encoded, "decoded");
    await expectSame([encoded, { ...decode, uploads: [] }], values);
  });

  it.each(["f16", "bf16"] as const)("cast to %s", async (to) => {
    const { profile } = await device();
    await expectSame([castEncodeSteps(profile, flatRequest({ kind: "cast", to }, count))], values);
  });
});
