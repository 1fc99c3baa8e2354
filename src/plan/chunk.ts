// How many rows of a tensor go into one work unit. Pure arithmetic on sizes.
import { formatBytes } from "../base/size.ts";
import { OutOfMemoryError } from "../base/errors.ts";
import type { DeviceProfile } from "../base/profile.ts";
import { alignUp } from "./check-units.ts";

/** What one row costs. Fractions are fine (4-bit codes of odd rows). */
export interface RowCost {
  /** Bytes read and uploaded. */
  readonly uploadBytes: number;
  /** Bytes of all the unit's buffers together, targets of uploads included. */
  readonly storageBytes: number;
  /** Bytes read back. */
  readonly downloadBytes: number;
  /** Bytes of the largest single buffer. */
  readonly largestBufferBytes: number;
  /** Bytes that do not grow with the rows: tables, sums. Counted in every role. */
  readonly fixedBytes?: number;
}

export interface ChunkOptions {
  /** Rows of a chunk are a multiple of this, but for the last chunk; default 1. */
  readonly alignment?: number;
  /** Device bytes for the whole pipeline; default is the profile's budget. */
  readonly memoryBudget?: number;
  /** Upload of a chunk where memory is plentiful; small enough to overlap stages; default 32 MiB. */
  readonly targetUploadBytes?: number;
  /** Names the tensor in the error. */
  readonly label?: string;
}

const defaultTarget = 32 * 2 ** 20;
/** Params and paddings, which rows do not know of. */
const overheadBytes = 4096;

/**
 * Rows per chunk, so that a pipeline of depth 2 (two uploads, one set of buffers, two readbacks) stays in
 * the budget, and each buffer within one binding. Chunks come out nearly equal.
 *
 * @example const rows = chunkRows(4096, cost, profile, { alignment: 32 });
 * @returns between 1 and totalRows
 * @throws OutOfMemoryError where not even `alignment` rows fit; details tensor, neededBytes, availableBytes
 */
export function chunkRows(
  totalRows: number,
  cost: RowCost,
  { limits, memoryBudget: profileBudget }: Pick<DeviceProfile, "limits" | "memoryBudget">,
  options: ChunkOptions = {},
): number {
  const { alignment = 1, targetUploadBytes = defaultTarget, label = "A tensor" } = options;
  const { uploadBytes, storageBytes, downloadBytes, largestBufferBytes, fixedBytes = 0 } = cost;
  const budget = options.memoryBudget ?? profileBudget ?? Number.POSITIVE_INFINITY;
  const perRow = 2 * uploadBytes + storageBytes + 2 * downloadBytes;
  const fixed = 5 * fixedBytes + overheadBytes;
  const binding = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const stagingRow = Math.max(uploadBytes, downloadBytes);
  const least = Math.min(alignment, totalRows);
  const bounds = [
    { available: budget, fixed, row: perRow },
    { available: binding, fixed: fixedBytes + 16, row: largestBufferBytes },
    { available: limits.maxBufferSize, fixed: fixedBytes + overheadBytes, row: stagingRow },
  ];
  let most = totalRows;
  for (const bound of bounds) {
    const needed = bound.fixed + least * bound.row;
    if (needed > bound.available) {
      throw new OutOfMemoryError(
        `${label} needs ${formatBytes(needed)} for ${least} rows at a time; there are ${formatBytes(bound.available)}.`,
        {
          hint: "Give a larger memory budget.",
          details: { tensor: label, neededBytes: Math.ceil(needed), availableBytes: bound.available },
        },
      );
    }
    if (bound.row > 0) most = Math.min(most, Math.floor((bound.available - bound.fixed) / bound.row));
  }
  if (uploadBytes > 0) most = Math.min(most, Math.max(least, Math.floor(targetUploadBytes / uploadBytes)));
  if (most >= totalRows) return totalRows;
  const alignedMost = Math.max(least, Math.floor(most / alignment) * alignment);
  const chunks = Math.ceil(totalRows / alignedMost);
  return Math.min(alignUp(Math.ceil(totalRows / chunks), alignment), alignedMost);
}
