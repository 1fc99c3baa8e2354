// Kernel steps made ready for a caller's own command encoder. A program owns its scratch buffers, params and
// pipelines; the buffers that matter are the caller's, given anew with each encoding. Nothing here submits,
// waits or reads back. Kernel calls and their sizes are fixed when the program is made.
import { InternalError, UsageError } from "../base/errors.ts";
import type { GpuContext } from "../device/context.ts";
import { bufferUsage } from "../device/flags.ts";
import { foldGrid, packParams, type KernelSpec } from "../kernels/kernel.ts";
import { kernelSpecs } from "../kernels/registry.ts";
import { paramsStride, type Step, type Upload } from "../plan/types.ts";
import { bindGroup, getPipeline, type KernelPipeline } from "../run/pipelines.ts";

/** A buffer of the caller's, or a range of one; its usage must include STORAGE. */
export type BufferRange = GPUBuffer | GPUBufferBinding;

/** Where to encode: a command encoder (a compute pass is opened and ended) or an open compute pass. */
export type EncodeTarget = GPUCommandEncoder | GPUComputePassEncoder;

export interface ProgramSteps {
  readonly buffers: Readonly<Record<string, number>>;
  readonly uploads?: readonly Upload[];
  readonly steps: readonly Step[];
}

/** A buffer that the caller gives: its name for the caller, the name that the steps know it by, its least size. */
export interface CallerBuffer {
  readonly role: string;
  readonly name: string;
  readonly bytes: number;
}

interface Dispatch {
  readonly pipeline: KernelPipeline;
  readonly params: GPUBufferBinding;
  readonly bindings: readonly string[];
  readonly grid: readonly [number, number, number];
}

type Resources = Readonly<Record<string, BufferRange | undefined>>;

export class Program {
  /** Device memory that the program holds: scratch and params. */
  readonly scratchBytes: number;
  readonly #context: GpuContext;
  readonly #callers: readonly CallerBuffer[];
  readonly #scratch: ReadonlyMap<string, GPUBuffer>;
  readonly #params: GPUBuffer;
  readonly #dispatches: readonly Dispatch[];
  #lastGiven: readonly BufferRange[] = [];
  #lastGroups: readonly GPUBindGroup[] = [];
  #disposed = false;

  private constructor(
    context: GpuContext,
    callers: readonly CallerBuffer[],
    scratch: ReadonlyMap<string, GPUBuffer>,
    params: GPUBuffer,
    dispatches: readonly Dispatch[],
  ) {
    this.#context = context;
    this.#callers = callers;
    this.#scratch = scratch;
    this.#params = params;
    this.#dispatches = dispatches;
    this.scratchBytes = params.size + [...scratch.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Compiles the kernels and allocates what is not the caller's. Inline uploads are written once, here.
   * @throws GpuError, OutOfMemoryError, DeviceLostError
   */
  static async create(
    context: GpuContext,
    { buffers, uploads = [], steps }: ProgramSteps,
    callers: readonly CallerBuffer[],
    specs: Readonly<Record<string, KernelSpec>> = kernelSpecs,
  ): Promise<Program> {
    const pipelines = await Promise.all(
      steps.map(({ call }) => {
        const spec = specs[call.kernel];
        if (!spec) throw new InternalError(`There is no kernel ${call.kernel}.`);
        return getPipeline(context, spec, call.variant, call.overrides);
      }),
    );
    const { device, profile } = context;
    return context.scope("Preparing kernels", () => {
      const scratch = new Map<string, GPUBuffer>();
      for (const [name, bytes] of Object.entries(buffers)) {
        if (callers.some((caller) => caller.name === name)) continue;
        const upload = uploads.find(({ buffer }) => buffer === name);
        const size = Math.max(4, bytes);
        const buffer = device.createBuffer({ label: name, size, usage: bufferUsage.storage, mappedAtCreation: true });
        if (upload?.data.kind === "inline") new Uint32Array(buffer.getMappedRange()).set(upload.data.words);
        buffer.unmap();
        scratch.set(name, buffer);
      }
      const params = device.createBuffer({
        label: "params",
        size: Math.max(1, steps.length) * paramsStride,
        usage: bufferUsage.uniform,
        mappedAtCreation: true,
      });
      const mapped = new Uint8Array(params.getMappedRange());
      const dispatches = pipelines.flatMap((pipeline, index): Dispatch[] => {
        const step = steps[index];
        if (!step) return [];
        const { call, bindings } = step;
        mapped.set(packParams(pipeline.spec, call.params), index * paramsStride);
        return [
          {
            pipeline,
            params: { buffer: params, offset: index * paramsStride, size: paramsStride },
            bindings,
            grid: foldGrid(call.workgroups, profile.limits.maxComputeWorkgroupsPerDimension),
          },
        ];
      });
      params.unmap();
      return new Program(context, callers, scratch, params, dispatches);
    });
  }

  /**
   * Adds the dispatches to the caller's encoder or compute pass.
   * @param given buffers by role; the same ones as last time cost no new bind groups
   * @throws UsageError for a buffer that is missing or too small, or after `dispose`
   */
  encode(target: EncodeTarget, given: Resources): void {
    if (this.#disposed) throw new UsageError("These kernels were disposed of.", { hint: "Create them again." });
    const groups = this.#bindGroups(given);
    if ("beginComputePass" in target) {
      const pass = target.beginComputePass({ label: "wgslim" });
      this.#dispatch(pass, groups);
      pass.end();
    } else this.#dispatch(target, groups);
  }

  /** Frees scratch and params; work already submitted is not disturbed. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const buffer of [this.#params, ...this.#scratch.values()]) buffer.destroy();
    this.#lastGiven = [];
    this.#lastGroups = [];
  }

  #dispatch(pass: GPUComputePassEncoder, groups: readonly GPUBindGroup[]): void {
    for (const [index, { pipeline, grid }] of this.#dispatches.entries()) {
      pass.setPipeline(pipeline.pipeline);
      pass.setBindGroup(0, groups[index] ?? null);
      pass.dispatchWorkgroups(...grid);
    }
  }

  #bindGroups(given: Resources): readonly GPUBindGroup[] {
    const ranges = this.#callers.map((caller) => checked(caller, given[caller.role]));
    const same = ranges.length === this.#lastGiven.length && ranges.every((range, i) => range === this.#lastGiven[i]);
    if (same && this.#lastGroups.length > 0) return this.#lastGroups;
    const byName = new Map<string, GPUBufferBinding>();
    for (const [name, buffer] of this.#scratch) byName.set(name, { buffer });
    for (const [index, { name }] of this.#callers.entries()) {
      const range = ranges[index];
      if (range) byName.set(name, "buffer" in range ? range : { buffer: range });
    }
    this.#lastGroups = this.#dispatches.map(({ pipeline, params, bindings }) => {
      const storage = bindings.map((name) => {
        const binding = byName.get(name);
        if (!binding) throw new InternalError(`A step names buffer ${name}, which nobody has.`);
        return binding;
      });
      return bindGroup(this.#context, pipeline, params, storage);
    });
    this.#lastGiven = ranges;
    return this.#lastGroups;
  }
}

function checked({ role, bytes }: CallerBuffer, range: BufferRange | undefined): BufferRange {
  if (!range) throw new UsageError(`Buffer "${role}" is missing.`, { hint: `Give one of at least ${bytes} bytes.` });
  const size = "buffer" in range ? (range.size ?? range.buffer.size - (range.offset ?? 0)) : range.size;
  if (size >= bytes) return range;
  throw new UsageError(`Buffer "${role}" holds ${size} bytes and needs ${bytes}.`, {
    hint: "Sizes are those of the quantizer's `sizes`.",
    details: { role, neededBytes: bytes, availableBytes: size },
  });
}
