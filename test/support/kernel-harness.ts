// Runs one kernel call on a device and holds it against the plain reference. Works in a browser page:
// no node:*, no vitest. Each case runs twice. First with guard words inside the bound range, behind
// every buffer (a bound slot may be larger than a kernel needs, and WebGPU would hide a write past the
// end of an exact one by clamping it). Then on exact bindings, with another grid that also has
// workgroups too many. Both must give the same bytes.
import { DeviceLostError } from "../../src/base/errors.ts";
import { bufferUsage, mapMode } from "../../src/device/flags.ts";
import type { GpuContext } from "../../src/device/context.ts";
import { foldGrid, packParams, referenceParams } from "../../src/kernels/kernel.ts";
import type { KernelCall, KernelReference, KernelSpec, KernelVariant } from "../../src/kernels/kernel.ts";
import { bindGroup, getPipeline } from "../../src/run/pipelines.ts";

export interface KernelCase {
  readonly name: string;
  /** A builder where the call depends on the variant (workgroup counts of wide variants). */
  readonly call: KernelCall | ((variant: string) => KernelCall);
  /** Storage bindings in spec order: initial bytes, or the length of a zero-filled buffer. Multiples of 4. */
  readonly buffers: readonly (Uint8Array | number)[];
}

export interface KernelRoom {
  readonly spec: KernelSpec;
  readonly reference: KernelReference;
  readonly cases: readonly KernelCase[];
  /** Replaces the comparison by spec.tolerance, per binding; returns what is wrong, or undefined. */
  readonly compare?: (binding: string, gpu: Uint8Array, reference: Uint8Array) => string | undefined;
}

export interface RunOptions {
  /** Guard bytes behind each buffer, inside its binding; multiple of 16. */
  readonly guardBytes?: number;
  /** Folds as if this were the device's limit, and adds workgroups that must do nothing. */
  readonly foldAt?: number;
}

const guardWord = 0xdeadbeef;
const marginBytes = 256;

/** Whether a device can run a variant. */
export function canRun(gpu: GpuContext, variant: KernelVariant): boolean {
  return variant.requires.every((feature) => gpu.profile.features.includes(feature));
}

const callOf = ({ call: given }: KernelCase, variant: string): KernelCall =>
  typeof given === "function" ? given(variant) : { ...given, variant };

/** Whether a case is for a variant: builders hand a shape that one does not serve on to another. */
export const takesVariant = (kernelCase: KernelCase, variant: string): boolean =>
  callOf(kernelCase, variant).variant === variant;

/**
 * Runs a case in every variant that the device supports, or in one.
 * @returns the first failure as text for a reader, undefined when all is well
 */
export async function runKernelCase(
  gpu: GpuContext,
  room: KernelRoom,
  kernelCase: KernelCase,
  variantName?: string,
): Promise<string | undefined> {
  const { spec } = room;
  for (const variant of spec.variants) {
    if (variantName === undefined ? !canRun(gpu, variant) : variant.name !== variantName) continue;
    if (!takesVariant(kernelCase, variant.name)) continue;
    const failure = await runVariant(gpu, room, kernelCase, variant.name);
    if (failure)
      return `${spec.id} [${variant.name}] case "${kernelCase.name}" on ${gpu.profile.description}: ${failure}`;
  }
  return undefined;
}

/**
 * Runs one call on fresh buffers and reads all of them back; for property tests.
 * @returns the buffers in spec order, as the device left them, without guards
 * @throws GpuError and its kin; Error where guard words or buffers are at fault
 */
export async function runCall(
  gpu: GpuContext,
  spec: KernelSpec,
  call: KernelCall,
  buffers: KernelCase["buffers"],
  options: RunOptions = {},
): Promise<Uint8Array[]> {
  const { device, profile } = gpu;
  const guardBytes = options.guardBytes ?? 0;
  const pipeline = await getPipeline(gpu, spec, call.variant, call.overrides);
  const owned: GPUBuffer[] = [];
  const make = (size: number, usage: number, fill?: (bytes: ArrayBuffer) => void): GPUBuffer => {
    const buffer = device.createBuffer({ label: spec.id, size, usage, mappedAtCreation: fill !== undefined });
    owned.push(buffer);
    if (fill) {
      fill(buffer.getMappedRange());
      buffer.unmap();
    }
    return buffer;
  };
  try {
    const readback = await gpu.scope(spec.id, () => {
      const staged = buffers.map((initial) => {
        const bytes = typeof initial === "number" ? initial : initial.length;
        if (bytes === 0 || bytes % 4 !== 0) throw new Error(`a buffer of ${bytes} bytes can't be bound`);
        const bound = bytes + guardBytes;
        const total = marginBytes + bound + marginBytes;
        const usage = bufferUsage.storage | bufferUsage.copySource;
        const buffer = make(total, usage, (mapped) => {
          new Uint32Array(mapped).fill(guardWord);
          const body = new Uint8Array(mapped, marginBytes, bytes);
          if (typeof initial === "number") body.fill(0);
          else body.set(initial);
        });
        return { buffer, total, binding: { buffer, offset: marginBytes, size: bound } };
      });
      const packed = packParams(spec, call.params);
      const params = make(packed.length, bufferUsage.uniform, (mapped) => new Uint8Array(mapped).set(packed));
      const target = make(
        staged.reduce((sum, { total }) => sum + total, 0),
        bufferUsage.mapRead | bufferUsage.copyTarget,
      );
      const encoder = device.createCommandEncoder({ label: spec.id });
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline.pipeline);
      pass.setBindGroup(
        0,
        bindGroup(
          gpu,
          pipeline,
          { buffer: params },
          staged.map(({ binding }) => binding),
        ),
      );
      const [x, y, z] = gridOf(call.workgroups, profile.limits.maxComputeWorkgroupsPerDimension, options.foldAt);
      pass.dispatchWorkgroups(x, y, z);
      pass.end();
      let at = 0;
      for (const { buffer, total } of staged) {
        encoder.copyBufferToBuffer(buffer, 0, target, at, total);
        at += total;
      }
      device.queue.submit([encoder.finish()]);
      return target;
    });
    await gpu.guard(readback.mapAsync(mapMode.read));
    return cutGuards(spec, buffers, guardBytes, readback.getMappedRange());
  } finally {
    for (const buffer of owned) buffer.destroy();
  }
}

/** The default comparison: exact bytes, or f32 words within the spec's tolerance. */
export function compareBytes(
  tolerance: KernelSpec["tolerance"],
  got: Uint8Array,
  want: Uint8Array,
): string | undefined {
  if (got.length !== want.length) return `${got.length} bytes, expected ${want.length}`;
  const gotView = new DataView(got.buffer, got.byteOffset, got.length);
  const wantView = new DataView(want.buffer, want.byteOffset, want.length);
  let bad = 0;
  let first: string | undefined;
  for (let at = 0; at < got.length; at += 4) {
    const [g, w] = [gotView.getUint32(at, true), wantView.getUint32(at, true)];
    if (g === w) continue;
    const [gf, wf] = [gotView.getFloat32(at, true), wantView.getFloat32(at, true)];
    if (tolerance !== "exact" && withinTolerance(gf, wf, tolerance)) continue;
    bad += 1;
    first ??= `word ${at / 4}: got ${hex(g)} (f32 ${gf}), expected ${hex(w)} (f32 ${wf})`;
  }
  return first && `${first}; ${bad} of ${got.length / 4} words differ`;
}

async function runVariant(
  gpu: GpuContext,
  room: KernelRoom,
  kernelCase: KernelCase,
  variant: string,
): Promise<string | undefined> {
  const { spec } = room;
  const { buffers } = kernelCase;
  const call = callOf(kernelCase, variant);
  if (call.kernel !== spec.id) return `the call is for kernel ${call.kernel}`;
  if (buffers.length !== spec.bindings.length) {
    return `${buffers.length} buffers for ${spec.bindings.length} bindings`;
  }
  const want = buffers.map((initial) => (typeof initial === "number" ? new Uint8Array(initial) : initial.slice()));
  room.reference(referenceParams(call), want);
  try {
    const guarded = await runCall(gpu, spec, call, buffers, { guardBytes: 64 });
    const refolded = await runCall(gpu, spec, call, buffers, { foldAt: 7 });
    for (const [index, { name, access }] of spec.bindings.entries()) {
      const [got, again, expected, initial] = [guarded[index], refolded[index], want[index], buffers[index]];
      if (!got || !again || !expected || initial === undefined) return `binding ${name} was not read back`;
      if (access === "read") {
        const untouched = typeof initial === "number" || compareBytes("exact", expected, initial) === undefined;
        if (!untouched) return `the reference writes to the read-only binding "${name}"`;
        continue;
      }
      const unstable = compareBytes("exact", again, got);
      if (unstable) return `binding "${name}" changes with the grid or the buffer's length: ${unstable}`;
      const wrong = room.compare ? room.compare(name, got, expected) : compareBytes(spec.tolerance, got, expected);
      if (wrong) return `binding "${name}" ${wrong}`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof DeviceLostError) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/** Another grid for the same call: folded at a small side, plus one row of workgroups too many. */
function gridOf(workgroups: number, limit: number, foldAt: number | undefined): readonly [number, number, number] {
  if (foldAt === undefined) return foldGrid(workgroups, limit);
  const side = [foldAt, 61, 1021, limit].find((n) => workgroups <= n * n * Math.min(limit, 4096)) ?? limit;
  const [x, y, z] = foldGrid(workgroups, Math.min(side, limit));
  return y < limit ? [x, y + 1, z] : [x, y, z];
}

function cutGuards(
  spec: KernelSpec,
  buffers: KernelCase["buffers"],
  guardBytes: number,
  mapped: ArrayBuffer,
): Uint8Array[] {
  let at = 0;
  return buffers.map((initial, index) => {
    const bytes = typeof initial === "number" ? initial : initial.length;
    const start = at + marginBytes;
    const end = start + bytes + guardBytes + marginBytes;
    const name = spec.bindings[index]?.name ?? String(index);
    checkGuards(name, "before its start", new Uint32Array(mapped, at, marginBytes / 4));
    checkGuards(name, "behind its end", new Uint32Array(mapped, start + bytes, (end - start - bytes) / 4));
    at = end;
    return new Uint8Array(mapped.slice(start, start + bytes));
  });
}

function checkGuards(name: string, where: string, words: Uint32Array): void {
  const bad = words.findIndex((word) => word !== guardWord);
  if (bad < 0) return;
  throw new Error(`binding "${name}" was written ${where}: guard word ${bad} is ${hex(words[bad] ?? 0)}`);
}

function withinTolerance(got: number, want: number, { relative, floor }: { relative: number; floor: number }): boolean {
  if (Number.isNaN(want)) return Number.isNaN(got);
  if (!Number.isFinite(want) || !Number.isFinite(got)) return got === want;
  return Math.abs(got - want) <= relative * Math.max(Math.abs(want), floor);
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, "0")}`;
}
