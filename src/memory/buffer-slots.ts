// Owns the GPUBuffers of one run: makes and destroys them as a plan says, and counts their bytes. Nothing
// else may keep one of these buffers. Must not know what the plan computes.
import { InternalError, OutOfMemoryError } from "../base/errors.ts";
import { formatBytes } from "../base/size.ts";
import type { SlotSize, SlotUsage } from "../base/slot.ts";
import type { GpuContext } from "../device/context.ts";
import { bufferUsage } from "../device/flags.ts";
import { SlotLedger } from "./ledger.ts";

const usageFlags: Readonly<Record<SlotUsage, number>> = {
  storage: bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyTarget,
  upload: bufferUsage.mapWrite | bufferUsage.copySource,
  readback: bufferUsage.mapRead | bufferUsage.copyTarget,
  uniform: bufferUsage.uniform | bufferUsage.copyTarget,
};

export class BufferSlots {
  readonly #gpu: GpuContext;
  readonly #ledger: SlotLedger;
  readonly #buffers = new Map<number, GPUBuffer>();

  constructor(gpu: GpuContext, sizes: readonly SlotSize[]) {
    this.#gpu = gpu;
    this.#ledger = new SlotLedger(sizes);
  }

  get allocatedBytes(): number {
    return this.#ledger.bytes;
  }

  get peakBytes(): number {
    return this.#ledger.peakBytes;
  }

  /**
   * Makes slots, all or none. Upload slots come mapped.
   * @throws OutOfMemoryError with details neededBytes (what exists and what is asked for) and availableBytes
   *   (what exists: WebGPU does not tell how much more there is); DeviceLostError
   */
  async create(slots: readonly number[]): Promise<void> {
    const made: [number, GPUBuffer][] = [];
    try {
      await this.#gpu.scope("Allocating device memory", () => {
        for (const slot of slots) {
          const { usage, bytes } = this.#ledger.sizeOf(slot);
          const buffer = this.#gpu.device.createBuffer({
            label: `slot ${slot} ${usage}`,
            size: bytes,
            usage: usageFlags[usage],
            mappedAtCreation: usage === "upload",
          });
          made.push([slot, buffer]);
        }
      });
      this.#ledger.add(slots);
    } catch (error) {
      for (const [, buffer] of made) buffer.destroy();
      // A mapped buffer that can't be had is a RangeError, the others an error scope's.
      if (!(error instanceof OutOfMemoryError) && !(error instanceof RangeError)) throw error;
      const asked = this.#ledger.bytesOf(slots);
      throw new OutOfMemoryError(
        `The device has no room for ${formatBytes(asked)} beside the ${formatBytes(this.allocatedBytes)} in use.`,
        {
          hint: "Set a smaller memory budget, or close other programs that use the GPU.",
          details: { neededBytes: this.allocatedBytes + asked, availableBytes: this.allocatedBytes },
          cause: error,
        },
      );
    }
    for (const [slot, buffer] of made) this.#buffers.set(slot, buffer);
  }

  /** @throws InternalError for a slot that does not exist at this point of the plan */
  buffer(slot: number): GPUBuffer {
    const buffer = this.#buffers.get(slot);
    if (!buffer) throw new InternalError(`A plan uses slot ${slot} while it does not exist.`);
    return buffer;
  }

  destroy(slots: readonly number[]): void {
    this.#ledger.remove(slots);
    for (const slot of slots) {
      this.#buffers.get(slot)?.destroy();
      this.#buffers.delete(slot);
    }
  }

  /** Destroys all that exists; `peakBytes` stays. Safe to call twice. */
  dispose(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
    this.#ledger.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
