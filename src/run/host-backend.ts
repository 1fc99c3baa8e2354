// A backend whose memory is the host's: slots are byte arrays, commands run one after the other. What
// executes a call is given; the rest (copies, order, memory) follows the plan exactly as on a device.
import { InternalError, OutOfMemoryError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { formatBytes } from "../base/size.ts";
import type { KernelCall } from "../kernels/kernel.ts";
import { SlotLedger } from "../memory/ledger.ts";
import type { Command, Plan } from "../plan/types.ts";
import type { Backend, BackendSession } from "./backend.ts";

/** Computes one call in place; `buffers` are the storage bindings in the kernel's order. */
export type ExecuteCall = (call: KernelCall, buffers: readonly Uint8Array[]) => void | Promise<void>;

export interface HostBackendOptions {
  /** Bytes after which allocation fails, as it would on a small device; default none. */
  readonly memoryLimit?: number;
  /** Fills fresh memory with this byte, to find results that hang on memory nobody wrote; default 0. */
  readonly poison?: number;
  /** Called before a run for each distinct kernel; throws where the backend lacks it. */
  readonly prepare?: (call: KernelCall) => void | Promise<void>;
}

/** How long the host may compute before it lets timers and signals through. */
const turnMilliseconds = 16;

export class HostBackend implements Backend {
  readonly profile: DeviceProfile;
  readonly #execute: ExecuteCall;
  readonly #options: HostBackendOptions;

  constructor(profile: DeviceProfile, execute: ExecuteCall, options: HostBackendOptions = {}) {
    this.profile = profile;
    this.#execute = execute;
    this.#options = options;
  }

  async open(program: Pick<Plan, "slots" | "calls">): Promise<BackendSession> {
    const distinct = new Map(program.calls.map((call) => [`${call.kernel} ${call.variant}`, call]));
    for (const call of distinct.values()) await this.#options.prepare?.(call);
    return new HostSession(program, this.#execute, this.#options);
  }
}

class HostSession implements BackendSession {
  readonly #calls: readonly KernelCall[];
  readonly #execute: ExecuteCall;
  readonly #options: HostBackendOptions;
  readonly #ledger: SlotLedger;
  readonly #memory = new Map<number, Uint8Array>();
  #lastTurn = performance.now();

  constructor({ slots, calls }: Pick<Plan, "slots" | "calls">, execute: ExecuteCall, options: HostBackendOptions) {
    this.#calls = calls;
    this.#execute = execute;
    this.#options = options;
    this.#ledger = new SlotLedger(slots);
  }

  get allocatedBytes(): number {
    return this.#ledger.bytes;
  }

  get peakBytes(): number {
    return this.#ledger.peakBytes;
  }

  // oxlint-disable-next-line require-await -- the interface is asynchronous for devices
  async create(slots: readonly number[]): Promise<void> {
    const { memoryLimit = Number.POSITIVE_INFINITY, poison = 0 } = this.#options;
    const neededBytes = this.allocatedBytes + this.#ledger.bytesOf(slots);
    if (neededBytes > memoryLimit) {
      throw new OutOfMemoryError(
        `The plan needs ${formatBytes(neededBytes)} at once; the limit is ${formatBytes(memoryLimit)}.`,
        { hint: "Set a smaller memory budget.", details: { neededBytes, availableBytes: memoryLimit } },
      );
    }
    this.#ledger.add(slots);
    for (const slot of slots) {
      const bytes = new Uint8Array(this.#ledger.sizeOf(slot).bytes);
      this.#memory.set(slot, poison === 0 ? bytes : bytes.fill(poison));
    }
  }

  // oxlint-disable-next-line require-await -- see above
  async destroy(slots: readonly number[]): Promise<void> {
    this.#ledger.remove(slots);
    for (const slot of slots) this.#memory.delete(slot);
  }

  encodeParams(): undefined {
    return undefined;
  }

  // oxlint-disable-next-line require-await -- see above
  async map(slot: number): Promise<Uint8Array> {
    return this.#bytes(slot);
  }

  unmap(): void {}

  async submit(commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      if (command.kind === "copy") {
        const source = this.#bytes(command.from).subarray(command.fromOffset, command.fromOffset + command.bytes);
        this.#bytes(command.to).set(source, command.toOffset);
      } else if (command.kind === "clear") {
        this.#bytes(command.slot).fill(0, command.offset, command.offset + command.bytes);
      } else {
        const call = this.#calls[command.call];
        if (!call) throw new InternalError(`A plan dispatches call ${command.call}, which it does not have.`);
        await this.#execute(
          call,
          command.bindings.map(({ slot, bytes }) => this.#bytes(slot).subarray(0, bytes)),
        );
      }
    }
    if (performance.now() - this.#lastTurn < turnMilliseconds) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#lastTurn = performance.now();
  }

  // oxlint-disable-next-line require-await -- see above
  async read(slot: number, bytes: number): Promise<Uint8Array> {
    return this.#bytes(slot).slice(0, bytes);
  }

  async finish(): Promise<void> {}

  guard<T>(promise: Promise<T>): Promise<T> {
    return promise;
  }

  dispose(): void {
    this.#memory.clear();
    this.#ledger.clear();
  }

  #bytes(slot: number): Uint8Array {
    const bytes = this.#memory.get(slot);
    if (!bytes) throw new InternalError(`A plan uses slot ${slot} while it does not exist.`);
    return bytes;
  }
}
