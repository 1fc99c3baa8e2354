// Runs the steps of a work unit outside any plan, one kernel after the other: on the references, or on a
// device. For tests of step builders. No node:*, no vitest.
import type { GpuContext } from "../../src/device/context.ts";
import { referenceParams, type KernelReference, type KernelSpec } from "../../src/kernels/kernel.ts";
import type { Step, Upload } from "../../src/plan/types.ts";
import { runCall } from "./kernel-harness.ts";

export interface StepsToRun {
  readonly buffers: Readonly<Record<string, number>>;
  readonly uploads: readonly Upload[];
  readonly steps: readonly Step[];
}

export type Memory = Map<string, Uint8Array>;

/** Fresh zero-filled buffers, the given contents, then the inline uploads. */
export function memoryOf(pieces: readonly StepsToRun[], contents: Readonly<Record<string, Uint8Array>>): Memory {
  const memory: Memory = new Map(Object.entries(contents).map(([name, bytes]) => [name, bytes.slice()]));
  for (const { buffers, uploads } of pieces) {
    for (const [name, bytes] of Object.entries(buffers)) memory.set(name, new Uint8Array(bytes));
    for (const { buffer, data } of uploads) {
      if (data.kind !== "inline") throw new Error(`upload of ${buffer} is not inline`);
      memory.get(buffer)?.set(new Uint8Array(Uint32Array.from(data.words).buffer));
    }
  }
  return memory;
}

/** Runs all steps on the plain references. */
export function runByReference(
  pieces: readonly StepsToRun[],
  memory: Memory,
  references: Readonly<Record<string, KernelReference>>,
): void {
  for (const { call, bindings } of pieces.flatMap(({ steps }) => steps)) {
    const reference = references[call.kernel];
    if (!reference) throw new Error(`no reference for ${call.kernel}`);
    reference(
      referenceParams(call),
      bindings.map((name) => bufferOf(memory, name)),
    );
  }
}

/** Runs all steps on a device, each on fresh buffers. */
export async function runOnDevice(
  gpu: GpuContext,
  pieces: readonly StepsToRun[],
  memory: Memory,
  specs: Readonly<Record<string, KernelSpec>>,
): Promise<void> {
  for (const { call, bindings } of pieces.flatMap(({ steps }) => steps)) {
    const spec = specs[call.kernel];
    if (!spec) throw new Error(`no spec for ${call.kernel}`);
    const inputs = bindings.map((name) => bufferOf(memory, name));
    const results = await runCall(gpu, spec, call, inputs);
    for (const [at, { access }] of spec.bindings.entries()) {
      const [name, result] = [bindings[at], results[at]];
      if (access === "read_write" && name !== undefined && result) memory.set(name, result);
    }
  }
}

export function bufferOf(memory: Memory, name: string): Uint8Array {
  const bytes = memory.get(name);
  if (!bytes) throw new Error(`no buffer ${name}`);
  return bytes;
}
