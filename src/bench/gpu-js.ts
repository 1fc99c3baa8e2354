// gpu.js against our kernel doing the same: f32 in host memory to codes and scales in host memory, int4 in
// blocks of 32 by absmax. In turn in one process.
import { seededRandom } from "../base/random.ts";
import { openDevice } from "../device/node.ts";
import { bufferUsage, mapMode } from "../device/flags.ts";
import type { GpuContext } from "../device/context.ts";
import { benchGpuJsQuantize } from "../fallback/bench.ts";
import { foldGrid, packParams } from "../kernels/kernel.ts";
import { affineBlockCall, affineBlockSpec } from "../kernels/quantize/affine-block.ts";
import { bindGroup, getPipeline } from "../run/pipelines.ts";
import { median, type BenchResult } from "./types.ts";

const elements = 2 ** 22;
const blockSize = 32;
const name = "quantize int4 b32 from host to host";

/** Times both. @throws UnsupportedError without gpu.js */
export async function benchGpuJs(runs: number): Promise<BenchResult> {
  const values = seededRandom(1).normals(elements, 0, 0.02);
  const gpu = await openDevice();
  try {
    const ours = await hostToHost(gpu, values);
    await ours();
    const seconds: number[] = [];
    const theirs: number[] = [];
    let mode = "";
    for (let run = 0; run < runs; run++) {
      const timing = await benchGpuJsQuantize(values, blockSize, 4, 1);
      mode = timing.mode;
      theirs.push(timing.seconds);
      const started = performance.now();
      await ours();
      seconds.push((performance.now() - started) / 1000);
    }
    const ratios = seconds.map((own, run) => (theirs[run] ?? 0) / own);
    const speed = (all: readonly number[]): number => (elements * 4) / median(all) / 1e9;
    const against = `gpu.js ${mode}`;
    return {
      rows: [
        {
          adapter: gpu.profile.description,
          name,
          value: speed(seconds),
          unit: "GB/s",
          ratio: median(ratios),
          against,
          spread: [Math.min(...ratios), Math.max(...ratios)],
        },
        { adapter: against, name, value: speed(theirs), unit: "GB/s" },
      ],
      absent: [],
    };
  } finally {
    gpu.dispose();
  }
}

/** A function that uploads the values, quantizes them and copies codes and scales back. */
async function hostToHost(gpu: GpuContext, values: Float32Array<ArrayBuffer>): Promise<() => Promise<number>> {
  const { device } = gpu;
  const rule = { bits: 4, signed: true, scheme: "symmetric", rounding: "half-even", halfScales: false } as const;
  const call = affineBlockCall({ kind: "blocked", outer: 1, dim: elements, inner: 1, blockSize }, "rows", rule);
  const pipeline = await getPipeline(gpu, affineBlockSpec, call.variant, call.overrides);
  const sizes = [elements * 4, elements / 2, (elements / blockSize) * 4, (elements / blockSize) * 4];
  const usage = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyTarget;
  const [source, codes, scales, zeros] = sizes.map((size) => device.createBuffer({ size, usage }));
  if (!source || !codes || !scales || !zeros) return () => Promise.resolve(0);
  const params = packParams(affineBlockSpec, call.params);
  const uniform = device.createBuffer({ size: params.length, usage: bufferUsage.uniform | bufferUsage.copyTarget });
  device.queue.writeBuffer(uniform, 0, params as Uint8Array<ArrayBuffer>);
  const readback = device.createBuffer({
    size: codes.size + scales.size,
    usage: bufferUsage.mapRead | bufferUsage.copyTarget,
  });
  const buffers = [source, codes, scales, zeros].map((buffer) => ({ buffer }));
  const group = bindGroup(gpu, pipeline, { buffer: uniform }, buffers);
  return async () => {
    device.queue.writeBuffer(source, 0, values);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline.pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...foldGrid(call.workgroups, gpu.profile.limits.maxComputeWorkgroupsPerDimension));
    pass.end();
    encoder.copyBufferToBuffer(codes, 0, readback, 0, codes.size);
    encoder.copyBufferToBuffer(scales, 0, readback, codes.size, scales.size);
    device.queue.submit([encoder.finish()]);
    await gpu.guard(readback.mapAsync(mapMode.read));
    const copied = readback.getMappedRange().slice(0);
    readback.unmap();
    return copied.byteLength;
  };
}
