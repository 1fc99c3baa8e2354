// GPTQ of a large layer against the matrix products in it alone: what all that is not a product costs.
import { seededRandom } from "../base/random.ts";
import { openDevice } from "../device/node.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { batchedMatmulCall, batchedMatmulSpec } from "../kernels/matmul/batched.ts";
import { graphKernelSpecs } from "../kernels/graph-registry.ts";
import { kernelSpecs } from "../kernels/registry.ts";
import { gptqSources, gptqUnit } from "../methods/calibrated/gptq-unit.ts";
import { matrixView } from "../methods/calibrated/gptq-steps.ts";
import { prepareHessian } from "../methods/calibrated/hessian.ts";
import { chunksOf } from "../methods/quantize/chunks.ts";
import type { PackedWeight } from "../methods/quantize/packed.ts";
import { planUnits } from "../plan/plan-units.ts";
import type { WorkUnit } from "../plan/types.ts";
import type { Backend } from "../run/backend.ts";
import { runPlan } from "../run/run-plan.ts";
import { WebGpuBackend } from "../run/webgpu-backend.ts";
import { median, type BenchResult, type BenchRow } from "./types.ts";

const size = 2048;

const weight: PackedWeight = {
  id: "layer",
  source: "weight",
  sourceType: "f32",
  sourceElement: 0,
  geometry: { kind: "blocked", outer: 1, dim: size, inner: size, blockSize: 32 },
  layout: "rows",
  encoding: { kind: "affine", bits: 4, signed: false, scheme: "asymmetric", rounding: "half-up" },
  search: { kind: "mse" },
  scaleType: "f32",
  parts: { codes: { key: "codes", tensor: "codes", bytes: size ** 2 / 2 } },
};

/** Second moments of channels each of which tells a bit of its neighbours, without going through inputs. */
function moments(): Float32Array {
  const scales = seededRandom(1, "gptq scales").normals(size, 0, 1);
  return Float32Array.from({ length: size ** 2 }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    return 0.7 ** Math.abs(i - j) * (1 + Math.abs(scales[i] ?? 0)) * (1 + Math.abs(scales[j] ?? 0));
  });
}

/** Only the products of a unit. */
function productsOf({ steps, ...unit }: WorkUnit): WorkUnit {
  const kept = steps.filter(({ call }) => call.kernel === batchedMatmulSpec.id);
  const bound = new Set(kept.flatMap(({ bindings }) => bindings));
  const last = kept.at(-1)?.bindings.at(-1) ?? "";
  return {
    ...unit,
    id: "products",
    buffers: Object.fromEntries(Object.entries(unit.buffers).filter(([name]) => bound.has(name))),
    uploads: [],
    steps: kept,
    downloads: [{ buffer: last, offset: 0, bytes: 4, target: "last" }],
  };
}

/** One product of two matrices of the layer's size. */
function squareProduct(profile: DeviceProfile): WorkUnit {
  const bytes = 4 * size ** 2;
  return {
    id: "square",
    label: "square",
    buffers: { a: bytes, b: bytes, nothing: 16, y: bytes },
    uploads: [],
    steps: [{ call: batchedMatmulCall({ m: size, n: size, k: size }, profile), bindings: ["a", "b", "nothing", "y"] }],
    downloads: [{ buffer: "y", offset: 0, bytes: 4, target: "last" }],
  };
}

export async function benchGptq(runs: number, note: (text: string) => void): Promise<BenchResult> {
  const gpu = await openDevice();
  try {
    note(`gptq layer ${size}x${size}`);
    const backend = new WebGpuBackend(gpu, { ...kernelSpecs, ...graphKernelSpecs });
    const { matrix, order } = prepareHessian(moments(), size, { damping: 0.01, actOrder: true });
    const values = seededRandom(1, "gptq weight").normals(size ** 2, 0, 1);
    const importance = new Float32Array(size).fill(1);
    const sources = new Map<string, Float32Array | Uint32Array>([
      [weight.source, Float32Array.from(values)],
      [gptqSources.matrix, matrix],
      [gptqSources.order, order],
      [gptqSources.importance, importance],
    ]);
    const [chunk] = chunksOf(weight, Number.MAX_SAFE_INTEGER);
    const view = matrixView(weight.geometry, weight.layout, size);
    if (!chunk || !view) return { rows: [], absent: ["gptq layer: no matrix"] };
    const unit = gptqUnit(backend.profile, weight, chunk, view, { measure: false });
    const products = productsOf(unit);
    const operations = products.steps.reduce((sum, { call }) => sum + call.cost.ops, 0);
    const square = squareProduct(backend.profile);
    // Of as many operations as the layer's products have.
    const share = operations / square.steps.reduce((sum, { call }) => sum + call.cost.ops, 0);
    const peers = [
      { unit: products, times: 1, against: "its matrix products alone" },
      { unit: square, times: share, against: `as many operations in one product of ${size}^3` },
    ];
    await timed(unit, backend, sources);
    const rows: BenchRow[] = [];
    for (const peer of peers) {
      const [seconds, ratios, speeds]: [number[], number[], number[]] = [[], [], []];
      await timed(peer.unit, backend, sources);
      for (let i = 0; i < runs; i++) {
        const before = await timed(peer.unit, backend, sources);
        const own = await timed(unit, backend, sources);
        const after = await timed(peer.unit, backend, sources);
        const other = (peer.times * (before + after)) / 2;
        seconds.push(own);
        ratios.push(other / own);
        speeds.push(operations / other / 1e9);
      }
      rows.push({
        adapter: gpu.profile.description,
        name: `gptq layer ${size}x${size}`,
        value: median(seconds),
        unit: "s",
        ratio: median(ratios),
        against: peer.against,
        spread: [Math.min(...ratios), Math.max(...ratios)],
        note: `products at ${median(speeds).toFixed(2)} GFLOPS`,
      });
    }
    return { rows, absent: [] };
  } finally {
    gpu.dispose();
  }
}

/** Seconds of the processor for one run of a unit: software adapters compute on it. */
async function timed(
  unit: WorkUnit,
  backend: Backend,
  sources: ReadonlyMap<string, Float32Array | Uint32Array>,
): Promise<number> {
  const plan = planUnits([unit], backend.profile);
  const hardware = backend.profile.adapterClass === "hardware";
  const [started, clock] = [process.cpuUsage(), performance.now()];
  await runPlan(plan, backend, {
    read: async (source, _, into) => {
      const data = sources.get(source);
      if (data) into.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    },
    deliver: async () => undefined,
  });
  const { user, system } = process.cpuUsage(started);
  return hardware ? (performance.now() - clock) / 1000 : (user + system) / 1e6;
}
