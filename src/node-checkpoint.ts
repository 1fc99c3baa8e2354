// A checkpoint in a file. Holds no descriptor between calls, so that an interrupted run leaks none.
import { createHash } from "node:crypto";
import { appendFile, open, rm, stat, truncate } from "node:fs/promises";
import { IoError } from "./base/errors.ts";
import { attempt, ifPresent } from "./node-errors.ts";
import { wgslimVersion } from "./version.ts";
import type { CheckpointStore } from "./run/checkpoint.ts";

/**
 * A checkpoint in a file, which is made at the first write and deleted by `clear`.
 *
 * @example await runPlan(plan, backend, io, { checkpoint: fileCheckpoint("model.ckpt") });
 * @throws IoError from each of its functions
 */
export function fileCheckpoint(path: string): CheckpointStore {
  return {
    name: path,
    size: async () => (await ifPresent(path, "read", () => stat(path)))?.size ?? 0,
    read: (offset, length) => (length === 0 ? Promise.resolve(new Uint8Array(0)) : readAt(path, offset, length)),
    append: (bytes) => attempt(path, "written", () => appendFile(path, bytes)),
    truncate: async (size) => {
      await ifPresent(path, "written", () => truncate(path, size));
    },
    clear: () => attempt(path, "deleted", () => rm(path, { force: true })),
    hasher: () => {
      // Another version may pack the same bytes otherwise, so its work never matches.
      const hash = createHash("sha256").update(wgslimVersion);
      return { update: (bytes) => hash.update(bytes), digest: () => hash.digest("hex") };
    },
  };
}

async function readAt(path: string, offset: number, length: number): Promise<Uint8Array> {
  return await attempt(path, "read", async () => {
    const file = await open(path, "r");
    try {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0)
          throw new IoError(`${path} ends ${length - done} bytes early.`, { details: { file: path } });
        done += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  });
}
