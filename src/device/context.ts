// A GPUDevice with what makes it safe to wait on. A lost device looks like success: error scopes
// resolve to null, submits vanish, and only a mapping rejects. So every await on the device goes
// through `guard`, which also fails when the device is lost. Ending it ourselves is not a loss.
// Must not know where the device came from.
import { DeviceLostError, GpuError, OutOfMemoryError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";

/** How long a failed wait stays open for the news that the device was lost, which may come second. */
const lossGraceMs = 50;

interface ScopeKind {
  readonly filter: GPUErrorFilter;
  readonly error: (message: string, label: string) => Error;
}

/** Pushed in this order and popped in reverse. */
const scopeKinds: readonly ScopeKind[] = [
  {
    filter: "internal",
    error: (message, label) => new GpuError(`${label}: the driver failed: ${message}`, { details: { label } }),
  },
  {
    filter: "out-of-memory",
    error: (message, label) =>
      new OutOfMemoryError(`${label}: the device is out of memory: ${message}`, {
        hint: "Set a smaller memory budget, or close other programs that use the GPU.",
        details: { label },
      }),
  },
  {
    filter: "validation",
    error: (message, label) => new GpuError(`${label}: WebGPU refused the call: ${message}`, { details: { label } }),
  },
];

/** An open device: its profile, its loss, its error scopes. Made by `openDevice`. */
export class GpuContext {
  readonly device: GPUDevice;
  /** What the device can do, as plain data. */
  readonly profile: DeviceProfile;
  /** Resolves when the device is lost; never because of our own `dispose`. */
  readonly lost: Promise<DeviceLostError>;
  readonly #owned: boolean;
  readonly #waiting = new Map<symbol, (error: DeviceLostError) => void>();
  #lostError: DeviceLostError | undefined;
  #disposed = false;

  /** @param owned whether `dispose` destroys the device; a borrowed one is left alone */
  constructor(device: GPUDevice, profile: DeviceProfile, owned: boolean) {
    this.device = device;
    this.profile = profile;
    this.#owned = owned;
    this.lost = new Promise((resolve) => void this.#watch(resolve));
  }

  get isLost(): boolean {
    return this.#lostError !== undefined;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  /** @throws DeviceLostError when the device is lost */
  throwIfLost(): void {
    if (this.#lostError) throw this.#lostError;
  }

  /**
   * Waits for `promise`, but no longer than the device lives.
   * @throws DeviceLostError when the device is, or gets, lost; else what the promise rejects with
   */
  async guard<T>(promise: Promise<T>): Promise<T> {
    if (this.#lostError) {
      promise.catch(() => undefined);
      throw this.#lostError;
    }
    // One listener on device.lost feeds all waiters: racing that promise directly would leave a
    // reaction on it for every wait of the device's life.
    const ticket = Symbol("waiting");
    const loss = new Promise<never>((_, reject) => void this.#waiting.set(ticket, reject));
    try {
      return await Promise.race([promise, loss]);
    } catch (error) {
      if (!this.#lostError) await new Promise((resolve) => setTimeout(resolve, lossGraceMs));
      throw this.#lostError ?? error;
    } finally {
      this.#waiting.delete(ticket);
    }
  }

  /**
   * Runs `fn` and reports the WebGPU errors of all it issued before its first await, so scopes of
   * concurrent callers never interleave. `label` opens the message.
   * @throws GpuError for validation and internal errors; OutOfMemoryError; DeviceLostError
   */
  async scope<T>(label: string, fn: () => T): Promise<Awaited<T>> {
    for (const { filter } of scopeKinds) this.device.pushErrorScope(filter);
    const popped: Promise<GPUError | null>[] = [];
    let result: T;
    try {
      result = fn();
    } finally {
      for (const _ of scopeKinds) popped.unshift(this.device.popErrorScope());
      for (const promise of popped) promise.catch(() => undefined);
    }
    const outcome = Promise.resolve(result);
    outcome.catch(() => undefined);
    const errors = await this.guard(Promise.all(popped));
    for (const [index, error] of errors.entries()) {
      const kind = scopeKinds[index];
      if (error && kind) throw kind.error(error.message, label);
    }
    this.throwIfLost();
    return await this.guard(outcome);
  }

  /** Ends the use of the device; destroys it only if it is our own. Safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#owned) this.device.destroy();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  // oxlint-disable-next-line require-await -- the async form of the same
  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose();
  }

  async #watch(announce: (error: DeviceLostError) => void): Promise<void> {
    const info = await this.device.lost;
    if (this.#disposed) return;
    this.#lostError = this.#describeLoss(info);
    for (const reject of this.#waiting.values()) reject(this.#lostError);
    this.#waiting.clear();
    announce(this.#lostError);
  }

  #describeLoss(info: GPUDeviceLostInfo): DeviceLostError {
    const why = info.reason === "destroyed" ? "its owner destroyed it" : info.message || "the driver gave no reason";
    return new DeviceLostError(`The GPU device was lost: ${why}.`, {
      hint: "Open a device again and resume from the checkpoint, if there is one.",
      details: { reason: info.reason ?? "unknown", adapter: this.profile.description },
    });
  }
}
