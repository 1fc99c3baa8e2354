// What a piece of device memory is used for. Plans count slots by usage, memory turns them into buffers.

/**
 * - `storage`: bound to kernels, copied to and from
 * - `upload`: mapped for the host to write, then copied from
 * - `readback`: copied to, then mapped for the host to read
 * - `uniform`: kernel params, copied to
 */
export type SlotUsage = "storage" | "upload" | "readback" | "uniform";

/** One whole buffer of the device. */
export interface SlotSize {
  readonly usage: SlotUsage;
  /** A positive multiple of 4. */
  readonly bytes: number;
}
