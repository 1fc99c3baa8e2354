// What a plan runs on. A backend that computes in host memory (the CPU reference, gpu.js) only gives
// HostBackend a function for one call; WebGpuBackend implements all of this on a device.
import type { DeviceProfile } from "../base/profile.ts";
import type { Command, Plan } from "../plan/types.ts";

export interface Backend {
  readonly profile: DeviceProfile;
  /**
   * Makes ready what a plan needs (pipelines), but no memory yet.
   * @throws GpuError, UnsupportedError for kernels that this backend lacks, DeviceLostError
   */
  open(program: Pick<Plan, "slots" | "calls">): Promise<BackendSession>;
}

/** One run on a backend; owns the memory. Slots are indices of the plan's. */
export interface BackendSession {
  readonly allocatedBytes: number;
  readonly peakBytes: number;
  /** @throws OutOfMemoryError with details neededBytes, availableBytes; DeviceLostError */
  create(slots: readonly number[]): Promise<void>;
  /** Waits until submitted work no longer uses the slots, then frees them. */
  destroy(slots: readonly number[]): Promise<void>;
  /** Params of `Plan.calls[call]` as its kernel reads them; undefined where the backend takes them from the call. */
  encodeParams(call: number): Uint8Array | undefined;
  /** Maps an upload slot for writing, as soon as earlier copies from it are done. */
  map(slot: number): Promise<Uint8Array>;
  /** Ends the writing to an upload slot. */
  unmap(slot: number): void;
  /** Hands commands to the device; resolves when the next ones may come, not when these are done. */
  submit(commands: readonly Command[]): Promise<void>;
  /** The first bytes of a readback slot, copied to the host, when what writes them is done. */
  read(slot: number, bytes: number): Promise<Uint8Array>;
  /** Waits for all submitted work, and throws what went wrong in it. */
  finish(): Promise<void>;
  /** Waits for a promise, but no longer than the device lives. @throws DeviceLostError */
  guard<T>(promise: Promise<T>): Promise<T>;
  /** Frees everything. Safe to call twice, and while work is under way. */
  dispose(): void;
}
