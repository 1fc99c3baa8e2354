// The host's writing into an upload slot: params, tables, and the caller's data, straight into mapped memory.
import type { Plan, PlanBatch, ReadRef } from "../plan/types.ts";
import { paramsStride } from "../plan/types.ts";
import type { BackendSession } from "./backend.ts";

/**
 * Fetches bytes of a source: `ref.rows` runs of `ref.rowBytes`, end to end, into exactly all of `into`.
 * `into` is mapped device memory: write to it with `set`, in this thread (the range is detached, and `set`
 * throws, when the device is lost); never give it to a native call. Two reads may be under way at once.
 * The signal fires when the run ends before the read does.
 */
export type ReadSource = (source: string, ref: ReadRef, into: Uint8Array, signal: AbortSignal) => Promise<void>;

/** Writes all that a batch uploads. */
export async function fillBatch(
  session: BackendSession,
  batch: PlanBatch,
  slot: number,
  read: ReadSource,
  signal: AbortSignal,
): Promise<void> {
  const mapped = await session.map(slot);
  for (const [index, call] of batch.params.entries()) {
    const params = session.encodeParams(call);
    if (params) mapped.set(params, index * paramsStride);
  }
  for (const { data, offset, bytes } of batch.uploads) {
    const into = mapped.subarray(offset, offset + bytes);
    // Copies move whole words: what follows the last byte must not be an earlier tenant's.
    mapped.fill(0, offset + bytes, Math.ceil((offset + bytes) / 4) * 4);
    if (data.kind === "inline") into.set(new Uint8Array(Uint32Array.from(data.words).buffer));
    else await read(data.source, data, into, signal);
  }
}

/** Splits what a batch read back into results by unit index and target; the arrays are views of `bytes`. */
export function splitResults(
  { units, downloads }: Plan["batches"][number],
  bytes: Uint8Array,
): ReadonlyMap<number, ReadonlyMap<string, Uint8Array>> {
  const byUnit = new Map(units.map((unit) => [unit, new Map<string, Uint8Array>()]));
  for (const { unit, target, offset, bytes: length } of downloads) {
    byUnit.get(unit)?.set(target, bytes.subarray(offset, offset + length));
  }
  return byUnit;
}
