// Runs plans on a WebGPU device. Nothing here waits for the device without a guard: a lost one looks like
// success until something is mapped. A few submits are kept in flight, no more: enough to keep the device
// busy, few enough that an abort takes effect soon.
import { InternalError, UnsupportedError } from "../base/errors.ts";
import { mapMode } from "../device/flags.ts";
import type { GpuContext } from "../device/context.ts";
import { foldGrid, packParams } from "../kernels/kernel.ts";
import type { KernelCall, KernelSpec } from "../kernels/kernel.ts";
import { BufferSlots } from "../memory/buffer-slots.ts";
import { paramsStride } from "../plan/types.ts";
import type { Command, DispatchCommand, Plan } from "../plan/types.ts";
import type { Backend, BackendSession } from "./backend.ts";
import { bindGroup, getPipeline } from "./pipelines.ts";
import type { KernelPipeline } from "./pipelines.ts";

const submitsInFlight = 3;

export class WebGpuBackend implements Backend {
  readonly #gpu: GpuContext;
  readonly #specs: Readonly<Record<string, KernelSpec>>;

  /** @param specs by kernel id; a plan that calls another kernel is refused with UnsupportedError */
  constructor(gpu: GpuContext, specs: Readonly<Record<string, KernelSpec>>) {
    this.#gpu = gpu;
    this.#specs = specs;
  }

  get profile(): GpuContext["profile"] {
    return this.#gpu.profile;
  }

  async open(program: Pick<Plan, "slots" | "calls">): Promise<BackendSession> {
    const compiled = new Map<string, Promise<KernelPipeline>>();
    const pipelines = await Promise.all(
      program.calls.map(({ kernel, variant, overrides }) => {
        const key = JSON.stringify([kernel, variant, overrides]);
        let pipeline = compiled.get(key);
        if (!pipeline) {
          pipeline = this.#compile(kernel, variant, overrides);
          compiled.set(key, pipeline);
        }
        return pipeline;
      }),
    );
    return new WebGpuSession(this.#gpu, program, pipelines);
  }

  async #compile(kernel: string, variant: string, overrides: KernelCall["overrides"]): Promise<KernelPipeline> {
    const spec = this.#specs[kernel];
    if (!spec) throw new UnsupportedError(`There is no kernel ${kernel} for WebGPU.`, { details: { kernel } });
    return await getPipeline(this.#gpu, spec, variant, overrides);
  }
}

class WebGpuSession implements BackendSession {
  readonly #gpu: GpuContext;
  readonly #program: Pick<Plan, "slots" | "calls">;
  readonly #pipelines: readonly KernelPipeline[];
  readonly #buffers: BufferSlots;
  /** Completion of the last submit that uses a slot; each also fails with that submit's error. */
  readonly #lastUse = new Map<number, Promise<void>>();
  #inFlight: Promise<void>[] = [];

  constructor(gpu: GpuContext, program: Pick<Plan, "slots" | "calls">, pipelines: readonly KernelPipeline[]) {
    this.#gpu = gpu;
    this.#program = program;
    this.#pipelines = pipelines;
    this.#buffers = new BufferSlots(gpu, program.slots);
  }

  get allocatedBytes(): number {
    return this.#buffers.allocatedBytes;
  }

  get peakBytes(): number {
    return this.#buffers.peakBytes;
  }

  async create(slots: readonly number[]): Promise<void> {
    await this.#buffers.create(slots);
  }

  async destroy(slots: readonly number[]): Promise<void> {
    await Promise.all(slots.map((slot) => this.#lastUse.get(slot)));
    this.#buffers.destroy(slots);
    for (const slot of slots) this.#lastUse.delete(slot);
  }

  encodeParams(call: number): Uint8Array {
    const { pipeline, params } = this.#call(call);
    return packParams(pipeline.spec, params);
  }

  async map(slot: number): Promise<Uint8Array> {
    const buffer = this.#buffers.buffer(slot);
    if (buffer.mapState === "unmapped") await this.#gpu.guard(buffer.mapAsync(mapMode.write));
    return new Uint8Array(buffer.getMappedRange());
  }

  unmap(slot: number): void {
    this.#buffers.buffer(slot).unmap();
  }

  async submit(commands: readonly Command[]): Promise<void> {
    while (this.#inFlight.length >= submitsInFlight) await this.#inFlight.shift();
    const { device } = this.#gpu;
    // The scope is not waited for here; its error comes out wherever the submit's completion is awaited.
    const valid = this.#gpu.scope("Running a plan", () => {
      const encoder = device.createCommandEncoder({ label: "plan" });
      this.#encode(encoder, commands);
      device.queue.submit([encoder.finish()]);
    });
    const done = this.#gpu.guard(device.queue.onSubmittedWorkDone());
    const completed = Promise.all([valid, done]).then(() => undefined);
    completed.catch(() => undefined);
    this.#inFlight.push(completed);
    for (const slot of commands.flatMap(slotsOf)) this.#lastUse.set(slot, completed);
  }

  async read(slot: number, bytes: number): Promise<Uint8Array> {
    const buffer = this.#buffers.buffer(slot);
    await Promise.all([this.#lastUse.get(slot), this.#gpu.guard(buffer.mapAsync(mapMode.read))]);
    // A copy, since the mapped range vanishes with the device, in the middle of somebody's writing.
    const copy = new Uint8Array(buffer.getMappedRange().slice(0, bytes));
    buffer.unmap();
    return copy;
  }

  async finish(): Promise<void> {
    const waiting = this.#inFlight;
    this.#inFlight = [];
    await Promise.all(waiting);
  }

  guard<T>(promise: Promise<T>): Promise<T> {
    return this.#gpu.guard(promise);
  }

  dispose(): void {
    this.#buffers.dispose();
    this.#lastUse.clear();
  }

  /** Neighbouring dispatches share a pass; copies stand outside of passes. */
  #encode(encoder: GPUCommandEncoder, commands: readonly Command[]): void {
    let pass: GPUComputePassEncoder | undefined;
    for (const command of commands) {
      if (command.kind === "dispatch") {
        pass ??= encoder.beginComputePass();
        this.#dispatch(pass, command);
        continue;
      }
      pass?.end();
      pass = undefined;
      if (command.kind === "clear") {
        encoder.clearBuffer(this.#buffers.buffer(command.slot), command.offset, command.bytes);
      } else {
        const { from, fromOffset, to, toOffset, bytes } = command;
        encoder.copyBufferToBuffer(this.#buffers.buffer(from), fromOffset, this.#buffers.buffer(to), toOffset, bytes);
      }
    }
    pass?.end();
  }

  #dispatch(pass: GPUComputePassEncoder, { call: id, params, bindings }: DispatchCommand): void {
    const { pipeline, workgroups } = this.#call(id);
    const uniform = { buffer: this.#buffers.buffer(params.slot), offset: params.offset, size: paramsStride };
    const storage = bindings.map(({ slot, bytes }) => ({ buffer: this.#buffers.buffer(slot), size: bytes }));
    pass.setPipeline(pipeline.pipeline);
    pass.setBindGroup(0, bindGroup(this.#gpu, pipeline, uniform, storage));
    const limit = this.#gpu.profile.limits.maxComputeWorkgroupsPerDimension;
    pass.dispatchWorkgroups(...foldGrid(workgroups, limit));
  }

  #call(id: number): KernelCall & { readonly pipeline: KernelPipeline } {
    const pipeline = this.#pipelines[id];
    const call = this.#program.calls[id];
    if (!pipeline || !call) throw new InternalError(`A plan names call ${id}, which it does not have.`);
    return { ...call, pipeline };
  }
}

function slotsOf(command: Command): readonly number[] {
  if (command.kind === "copy") return [command.from, command.to];
  if (command.kind === "clear") return [command.slot];
  return [command.params.slot, ...command.bindings.map(({ slot }) => slot)];
}
