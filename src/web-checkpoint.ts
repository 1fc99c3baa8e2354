// A checkpoint for pages and workers, in a Blob: browsers may keep Blobs on disk, and adding to one copies nothing.
// It lives as long as the page, so it serves a lost device, not a closed tab; the input stays open all the while, and
// no digests of it are needed.
import type { CheckpointStore } from "./run/checkpoint.ts";

/**
 * A checkpoint that outlives the device.
 * @example
 * const checkpoint = blobCheckpoint();
 * await runCompression(plan, backend, { output, checkpoint }); // DeviceLostError: again, on a fresh backend
 */
export function blobCheckpoint(name = "checkpoint in a Blob"): CheckpointStore {
  let log = new Blob();
  return {
    name,
    size: async () => log.size,
    read: async (offset, length) => new Uint8Array(await log.slice(offset, offset + length).arrayBuffer()),
    append: async (bytes) => {
      log = new Blob([log, bytes.slice()]);
    },
    truncate: async (size) => {
      log = log.slice(0, size);
    },
    clear: async () => {
      log = new Blob();
    },
  };
}
