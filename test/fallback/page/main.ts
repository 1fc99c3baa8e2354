// The page: holds gpu.js in each of its modes against the references on the cases of the affine rooms, and
// opens the backend that a page without WebGPU gets. Leaves the outcome in the document.
import { seededRandom } from "../../../src/base/random.ts";
import { affineKernels } from "../../../src/fallback/affine.ts";
import { benchGpuJsQuantize } from "../../../src/fallback/bench.ts";
import type { GpuJs, GpuJsMode } from "../../../src/fallback/gpu-js.ts";
import { matmul } from "../../../src/fallback/matmul.ts";
import { channelNorms } from "../../../src/fallback/norms.ts";
import { openGpuJs } from "../../../src/fallback/open-gpu-js.ts";
import { openWebBackend } from "../../../src/web-backend.ts";
import { differenceAt } from "../buffers.ts";
import { rooms } from "../rooms.ts";

export interface ModeOutcome {
  readonly mode: GpuJsMode;
  readonly cases: number;
  readonly failures: readonly string[];
  /** Largest error of a product against sum |a| |b|, and of a norm against the norm. */
  readonly matmulError: number;
  readonly normError: number;
}

export interface PageOutcome {
  readonly modes: readonly ModeOutcome[];
  readonly backend: string;
  readonly warning: string;
  readonly elementsPerSecond: number;
}

function matmulError(a: Float32Array, b: Float32Array, product: Float32Array, size: number): number {
  let worst = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let [sum, scale] = [0, 0];
      for (let l = 0; l < size; l++) {
        const term = (a[i * size + l] ?? 0) * (b[l * size + j] ?? 0);
        sum += term;
        scale += Math.abs(term);
      }
      worst = Math.max(worst, Math.abs((product[i * size + j] ?? NaN) - sum) / scale);
    }
  }
  return worst;
}

async function testMode(gpu: GpuJs): Promise<ModeOutcome> {
  const kernels = affineKernels(gpu);
  const failures: string[] = [];
  let cases = 0;
  for (const { spec, reference, cases: all } of rooms) {
    for (const { name, call: given, buffers } of all) {
      const call = typeof given === "function" ? given("portable") : given;
      const bind = () => buffers.map((each) => (typeof each === "number" ? new Uint8Array(each) : each.slice()));
      const [ours, theirs] = [bind(), bind()];
      kernels[spec.id]?.(call.params, ours);
      reference(call.params, theirs);
      const difference = differenceAt(ours, theirs);
      if (difference) failures.push(`${spec.id}, ${name}: ${difference}`);
      cases += 1;
    }
  }
  const size = 150;
  const [a, b] = [seededRandom(1).normals(size * size), seededRandom(2).normals(size * size)];
  const product = await matmul(a, b, size, size, size, gpu);
  const { l2 } = await channelNorms(a, { outer: 1, channels: 1, inner: size * size }, gpu);
  const norm = Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));
  const normError = Math.abs((l2[0] ?? NaN) - norm) / norm;
  return { mode: gpu.mode, cases, failures, matmulError: matmulError(a, b, product, size), normError };
}

async function run(): Promise<PageOutcome> {
  const modes: ModeOutcome[] = [];
  for (const mode of (new URLSearchParams(location.search).get("modes") ?? "webgl2,wasm").split(",")) {
    const gpu = await openGpuJs({ mode: mode as GpuJsMode });
    modes.push(await testMode(gpu));
    await gpu.dispose();
  }
  const noGpu = { requestAdapter: async () => null } as unknown as GPU;
  const { backend, warning = "" } = await openWebBackend({ gpu: noGpu });
  const values = seededRandom(3).normals(2 ** 21);
  const { seconds } = await benchGpuJsQuantize(values, 32, 4);
  return { modes, backend: backend.profile.description, warning, elementsPerSecond: values.length / seconds };
}

const out = document.querySelector("#out");
try {
  const outcome = await run();
  if (out) out.textContent = JSON.stringify(outcome);
  document.body.dataset["state"] = "done";
} catch (error) {
  if (out) out.textContent = error instanceof Error ? (error.stack ?? error.message) : String(error);
  document.body.dataset["state"] = "failed";
}
