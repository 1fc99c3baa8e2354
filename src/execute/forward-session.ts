// Carries a forward plan out on a backend: fills constants once, then runs as often as asked. Owns the device
// memory; activations never leave the device unless they are outputs.
import { InternalError } from "../base/errors.ts";
import { readTensorBytes } from "../formats/onnx/tensor-data.ts";
import type { ConstantFill, ForwardPlan } from "../graph/forward-plan.ts";
import { tensorWords } from "../graph/host/decode.ts";
import { wordTypeOf, wordsOf, type HostTensor } from "../graph/values.ts";
import { paramsStride } from "../plan/types.ts";
import type { Backend, BackendSession } from "../run/backend.ts";

/** Bytes of constants that travel together. */
const stagingBytes = 8 * 2 ** 20;

export class ForwardSession {
  readonly plan: ForwardPlan;
  readonly #session: BackendSession;

  private constructor(plan: ForwardPlan, session: BackendSession) {
    this.plan = plan;
    this.#session = session;
  }

  /**
   * Compiles the kernels, puts constants on the device and computes what depends on them alone.
   * @throws GpuError, DeviceLostError, OutOfMemoryError, IoError, FormatError, AbortedError
   */
  static async open(plan: ForwardPlan, backend: Backend, signal?: AbortSignal): Promise<ForwardSession> {
    const staging = plan.slots.length;
    const slots = [...plan.slots, { usage: "upload", bytes: stagingBytes } as const];
    const session = await backend.open({ slots, calls: plan.calls });
    try {
      await session.create([...plan.lasting, ...plan.prepare.temporary, staging]);
      await fillConstants(plan, session, staging, signal);
      for (const commands of plan.prepare.submits) await session.submit(commands);
      await session.finish();
      await session.destroy([...plan.prepare.temporary, staging]);
      return new ForwardSession(plan, session);
    } catch (error) {
      session.dispose();
      throw error;
    }
  }

  /** Runs once. Inputs in the plan's order of inputs; outputs in its order of outputs. */
  async run(inputs: readonly HostTensor[]): Promise<readonly HostTensor[]> {
    const { plan } = this;
    if (plan.uploadSlot !== undefined) {
      const mapped = await this.#session.map(plan.uploadSlot);
      for (const [i, { offset }] of plan.inputs.entries()) {
        const input = inputs[i];
        if (!input) throw new InternalError("A run was given too few inputs.");
        mapped.set(wordsOf(input), offset);
      }
      this.#session.unmap(plan.uploadSlot);
    }
    for (const commands of plan.run.submits) await this.#session.submit(commands);
    const { readbackSlot } = plan;
    const bytes = readbackSlot === undefined ? 0 : (plan.slots[readbackSlot]?.bytes ?? 0);
    const read = readbackSlot === undefined ? new Uint8Array() : await this.#session.read(readbackSlot, bytes);
    await this.#session.finish();
    return plan.outputs.map(({ type, dims, from }) => {
      if (!("slot" in from)) return from;
      const size = dims.reduce((product, dim) => product * dim, 1);
      return { type, dims, data: numbersOf(read, from.offset, size, type) };
    });
  }

  get peakBytes(): number {
    return this.#session.peakBytes;
  }

  dispose(): void {
    this.#session.dispose();
  }
}

function numbersOf(bytes: Uint8Array, offset: number, size: number, type: number): Float64Array {
  const at = bytes.byteOffset + offset;
  const word = wordTypeOf(type);
  if (word === "f32") return Float64Array.from(new Float32Array(bytes.buffer, at, size));
  if (word === "u32") return Float64Array.from(new Uint32Array(bytes.buffer, at, size));
  return Float64Array.from(new Int32Array(bytes.buffer, at, size));
}

/** Constants and params through a staging slot, as many at a time as fit. */
async function fillConstants(
  plan: ForwardPlan,
  session: BackendSession,
  staging: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const each of plan.prepare.fills) {
    signal?.throwIfAborted();
    await upload(session, staging, each.slot, await fillBytes(each, signal));
  }
  const { uniformSlot } = plan;
  if (uniformSlot === undefined) return;
  const params = new Uint8Array(plan.calls.length * paramsStride);
  for (const call of plan.calls.keys()) {
    const encoded = session.encodeParams(call);
    if (encoded) params.set(encoded, call * paramsStride);
  }
  await upload(session, staging, uniformSlot, params);
}

async function fillBytes({ fill, bytes }: ConstantFill, signal: AbortSignal | undefined): Promise<Uint8Array> {
  if (fill.kind === "host") return wordsOf(fill.value);
  const raw = await readTensorBytes(fill.tensor, { maxBytes: 2 ** 31, ...(signal ? { signal } : {}) });
  if (fill.kind === "packed") {
    if (raw.length % 4 === 0) return raw;
    const padded = new Uint8Array(bytes);
    padded.set(raw);
    return padded;
  }
  const words = tensorWords(fill.tensor, raw);
  if (words) return words;
  throw new InternalError(`Constant "${fill.tensor.name}" has no device words.`);
}

async function upload(session: BackendSession, staging: number, to: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += stagingBytes) {
    const part = bytes.subarray(at, at + stagingBytes);
    const mapped = await session.map(staging);
    mapped.set(part);
    session.unmap(staging);
    await session.submit([{ kind: "copy", from: staging, fromOffset: 0, to, toOffset: at, bytes: part.length }]);
  }
}
