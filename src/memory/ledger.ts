// Counts the bytes of slots that exist, now and at most, and catches a plan that makes or drops a slot
// twice. Knows no device, so that every backend counts alike.
import { InternalError } from "../base/errors.ts";
import type { SlotSize } from "../base/slot.ts";

export class SlotLedger {
  readonly #sizes: readonly SlotSize[];
  readonly #existing = new Set<number>();
  #bytes = 0;
  #peakBytes = 0;

  constructor(sizes: readonly SlotSize[]) {
    this.#sizes = sizes;
  }

  /** Bytes of the slots that exist. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Most bytes that existed at once. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** @throws InternalError for a slot that the plan does not have */
  sizeOf(slot: number): SlotSize {
    const size = this.#sizes[slot];
    if (!size) throw new InternalError(`A plan uses slot ${slot}, which it does not have.`);
    return size;
  }

  /** Bytes of several slots together. */
  bytesOf(slots: readonly number[]): number {
    return slots.reduce((sum, slot) => sum + this.sizeOf(slot).bytes, 0);
  }

  add(slots: readonly number[]): void {
    for (const slot of slots) {
      if (this.#existing.has(slot)) throw new InternalError(`A plan creates slot ${slot} twice.`);
      this.#bytes += this.sizeOf(slot).bytes;
      this.#existing.add(slot);
    }
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
  }

  remove(slots: readonly number[]): void {
    for (const slot of slots) {
      if (!this.#existing.delete(slot)) throw new InternalError(`A plan destroys slot ${slot}, which does not exist.`);
      this.#bytes -= this.sizeOf(slot).bytes;
    }
  }

  clear(): void {
    this.remove([...this.#existing]);
  }
}
