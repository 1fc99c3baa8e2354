// Measures kernels against the copy kernel of the same adapter. Each timed run of a kernel is between two
// runs of the copy, so that what else the machine does weighs on both.
import type { GpuContext } from "../device/context.ts";
import { bufferUsage } from "../device/flags.ts";
import { openDevice } from "../device/node.ts";
import { seededRandom } from "../base/random.ts";
import { foldGrid, packParams, type KernelCall } from "../kernels/kernel.ts";
import { graphKernelSpecs } from "../kernels/graph-registry.ts";
import { kernelSpecs } from "../kernels/registry.ts";
import { copyWordsCall } from "../kernels/util/copy-words.ts";
import { bindGroup, getPipeline } from "../run/pipelines.ts";
import { kernelCases, type KernelCase } from "./kernel-cases.ts";
import { median, type BenchJob, type BenchResult, type BenchRow } from "./types.ts";

/** A submit's work is repeated until it takes about this long, so that its own cost does not count. */
const targetSeconds = 0.08;
const mostRepeats = 64;

type Run = (repeats: number) => Promise<number>;

/** Times every kernel whose name, or case's name, holds the filter. */
export async function benchKernels(
  job: Extract<BenchJob, { kind: "kernels" }>,
  note: (text: string) => void,
): Promise<BenchResult> {
  const gpu = await openDevice();
  const rows: BenchRow[] = [];
  const absent: string[] = [];
  try {
    const wanted = kernelCases(gpu.profile).filter(({ name, piece }) =>
      job.filter === undefined
        ? true
        : piece.steps.some(({ call }) => `${name} ${call.kernel}`.includes(job.filter ?? "")),
    );
    const elements = wanted.reduce((most, each) => Math.max(most, each.elements), 0);
    if (wanted.length === 0) return { rows, absent };
    const source = makeSource(gpu, elements);
    const copied = gpu.device.createBuffer({ size: elements * 4, usage: usage });
    const copy = await prepare(gpu, copyWordsCall(elements), [source, copied]);
    const copySeconds: number[] = [];
    const seen = new Set<string>();
    for (const each of wanted) {
      note(each.name);
      try {
        const timed = await timeCase(gpu, each, source, copy, job, seen);
        rows.push(...timed.rows);
        copySeconds.push(...timed.copySeconds);
      } catch (error) {
        absent.push(`${each.name} on ${gpu.profile.description}: ${error instanceof Error ? error.message : error}`);
      }
    }
    rows.unshift({
      adapter: gpu.profile.description,
      name: "util/copy-words",
      value: (elements * 4) / median(copySeconds) / 1e9,
      unit: "GB/s",
    });
    return { rows, absent };
  } finally {
    gpu.dispose();
  }
}

const usage = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyTarget;

function makeSource({ device }: GpuContext, elements: number): GPUBuffer {
  const source = device.createBuffer({ size: elements * 4, usage, mappedAtCreation: true });
  const bytes = new Uint8Array(source.getMappedRange());
  const weights = new Uint8Array(seededRandom(1).normals(2 ** 20, 0, 0.02).buffer);
  for (let at = 0; at < bytes.length; at += weights.length) {
    bytes.set(weights.subarray(0, Math.min(weights.length, bytes.length - at)), at);
  }
  source.unmap();
  return source;
}

/** A function that runs a call some times over in one submit and yields seconds for one. */
async function prepare(gpu: GpuContext, call: KernelCall, buffers: readonly GPUBuffer[]): Promise<Run> {
  const { device } = gpu;
  const spec = kernelSpecs[call.kernel] ?? graphKernelSpecs[call.kernel];
  if (!spec) throw new Error(`There is no kernel ${call.kernel}.`);
  const pipeline = await getPipeline(gpu, spec, call.variant, call.overrides);
  const params = packParams(spec, call.params);
  const uniform = device.createBuffer({ size: params.length, usage: bufferUsage.uniform | bufferUsage.copyTarget });
  device.queue.writeBuffer(uniform, 0, params as Uint8Array<ArrayBuffer>);
  const group = bindGroup(
    gpu,
    pipeline,
    { buffer: uniform },
    buffers.map((buffer) => ({ buffer })),
  );
  const grid = foldGrid(call.workgroups, gpu.profile.limits.maxComputeWorkgroupsPerDimension);
  return async (repeats) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline.pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(...grid);
    pass.end();
    const commands = encoder.finish();
    const started = performance.now();
    device.queue.submit([commands]);
    await gpu.guard(device.queue.onSubmittedWorkDone());
    return (performance.now() - started) / 1000 / repeats;
  };
}

async function repeatsFor(run: Run): Promise<number> {
  const once = await run(1);
  return Math.max(1, Math.min(mostRepeats, Math.round(targetSeconds / Math.max(once, 1e-5))));
}

async function timeCase(
  gpu: GpuContext,
  { name, elements, piece }: KernelCase,
  source: GPUBuffer,
  copy: Run,
  { runs, filter = "" }: Extract<BenchJob, { kind: "kernels" }>,
  seen: Set<string>,
): Promise<{ rows: BenchRow[]; copySeconds: number[] }> {
  const { device } = gpu;
  const buffers = new Map<string, GPUBuffer>([["source", source]]);
  const rows: BenchRow[] = [];
  const copySeconds: number[] = [];
  try {
    for (const [key, size] of Object.entries(piece.buffers)) {
      if (!buffers.has(key)) buffers.set(key, device.createBuffer({ size, usage }));
    }
    for (const { buffer, data } of piece.uploads) {
      const target = buffers.get(buffer);
      if (target && data.kind === "inline") device.queue.writeBuffer(target, 0, Uint32Array.from(data.words));
    }
    for (const { call, bindings } of piece.steps) {
      const bound = bindings.flatMap((key) => buffers.get(key) ?? []);
      const run = await gpu.scope(name, () => prepare(gpu, call, bound));
      await run(1);
      // Steps on small buffers (scales, counters) say nothing about bandwidth, and what an earlier case has
      // timed with the same code and shape is not timed again.
      const key = JSON.stringify([call.kernel, call.variant, call.overrides, call.params]);
      const whole = bindings.some((binding) => binding === "source" || (piece.buffers[binding] ?? 0) >= elements / 8);
      if (!whole || seen.has(key) || !`${name} ${call.kernel}`.includes(filter)) continue;
      seen.add(key);
      const [repeats, copyRepeats] = [await repeatsFor(run), await repeatsFor(copy)];
      const seconds: number[] = [];
      const ratios: number[] = [];
      for (let i = 0; i < runs; i++) {
        const before = await copy(copyRepeats);
        const own = await run(repeats);
        const after = await copy(copyRepeats);
        seconds.push(own);
        copySeconds.push(before, after);
        ratios.push((before + after) / 2 / own);
      }
      rows.push({
        adapter: gpu.profile.description,
        name: `${call.kernel} ${name}`,
        value: (elements * 4) / median(seconds) / 1e9,
        unit: "GB/s",
        ratio: median(ratios),
        against: "util/copy-words",
        spread: [Math.min(...ratios), Math.max(...ratios)],
      });
    }
  } finally {
    for (const [key, buffer] of buffers) if (key !== "source") buffer.destroy();
  }
  return { rows, copySeconds };
}
