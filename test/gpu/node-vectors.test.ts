// The executor against ONNX's own node tests. All that can be run must give the expected outputs; what can't is
// counted by reason. Skipped, and named, where the data is not installed.
import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../src/base/errors.ts";
import { Executor } from "../../src/execute/executor.ts";
import { graphKernelSpecs } from "../../src/kernels/graph-registry.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { testDevice } from "../support/gpu.ts";
import { nodeVectors, readNodeVector, type NodeVector } from "../support/node-vectors.ts";

/** Vectors whose files hold bf16 as the integers of its bits. */
const isMislabelled = (name: string): boolean => name.includes("BFLOAT16");

const filter = process.env["WGSLIM_NODE_VECTORS"] ?? "";

/** What is wrong with a vector's outputs, or undefined. @throws UnsupportedError */
async function judge(backend: WebGpuBackend, { model, inputs, outputs }: NodeVector): Promise<string | undefined> {
  using executor = await Executor.create(model, backend);
  const given = Object.fromEntries(
    model.graph.inputs.flatMap(({ name }, i) => {
      const tensor = inputs[i];
      return tensor ? [[name, tensor]] : [];
    }),
  );
  const got = await executor.run(given);
  for (const [i, { name }] of model.graph.outputs.entries()) {
    const want = outputs[i];
    const have = got[name];
    if (!want || !have) continue;
    if (have.dims.join() !== want.dims.join()) return `${name}: [${have.dims.join()}], expected [${want.dims.join()}]`;
    for (const [k, wanted] of want.data.entries()) {
      const value = have.data[k] ?? Number.NaN;
      const same = Object.is(value, wanted) || Math.abs(value - wanted) <= 1e-4 + 1e-3 * Math.abs(wanted);
      if (!same) return `${name}[${k}]: ${value}, expected ${wanted}`;
    }
  }
  return undefined;
}

describe.skipIf(nodeVectors.length === 0)("ONNX node vectors", () => {
  const device = testDevice();

  it("gives the expected outputs wherever it runs", async () => {
    const backend = new WebGpuBackend(await device(), graphKernelSpecs);
    const wrong: string[] = [];
    const refused = new Map<string, number>();
    let passed = 0;
    for (const name of nodeVectors.filter((each) => each.includes(filter) && !isMislabelled(each))) {
      try {
        const fault = await judge(backend, await readNodeVector(name));
        if (fault === undefined) passed += 1;
        else wrong.push(`${name}: ${fault}`);
      } catch (error) {
        if (!(error instanceof UnsupportedError))
          wrong.push(`${name}: ${error instanceof Error ? error.message : error}`);
        else refused.set(error.message.slice(0, 60), (refused.get(error.message.slice(0, 60)) ?? 0) + 1);
      }
    }
    console.log(`${passed} passed, ${wrong.length} wrong`);
    for (const [reason, count] of [...refused].toSorted((a, b) => b[1] - a[1])) console.log(`  ${count} x ${reason}`);
    expect(wrong).toEqual([]);
  }, 600_000);
});
