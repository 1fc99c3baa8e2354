// Files of Node as sources and sinks. A sink writes to a hidden file beside its target and renames it on
// commit, so that nobody ever sees half a file and the earlier one survives until the new one is safe.
import { link, open, realpath, rename, stat, statfs, unlink, type FileHandle } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import type { ByteSink, ByteSource } from "./base/bytes.ts";
import { FormatError, IoError, UsageError, throwIfAborted } from "./base/errors.ts";
import { checkRange, requireSafePath } from "./formats/sources/checks.ts";
import { attempt, codeOf, ifPresent } from "./node-errors.ts";
import { refuseTarget, type FileSinkOptions } from "./node-guard.ts";
import { backupPath, hiddenPath, newRun, removeStaleParts, restoreBackup } from "./node-parts.ts";

/**
 * Opens a file for positional reads. A file that shrinks or changes while it is read is an error, not
 * wrong data. Siblings are found in the same folder or below it, symbolic links followed only inside it.
 * @throws IoError where the file can't be opened or is not a regular file
 */
export async function fromFile(path: string): Promise<ByteSource> {
  const handle = await attempt(path, "opened", () => open(path, "r"));
  let before;
  try {
    before = await attempt(path, "opened", () => handle.stat({ bigint: true }));
    if (!before.isFile()) throw new IoError(`${path} is not a regular file.`, { details: { file: path } });
  } catch (error) {
    await handle.close();
    throw error;
  }
  const { size: bigSize, mtimeNs } = before;
  const size = Number(bigSize);
  const siblings: ByteSource[] = [];
  const readInto = async (offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> => {
    throwIfAborted(signal);
    checkRange({ name: path, size }, offset, into.length);
    await attempt(path, "read", async () => {
      const complete = await readFully(handle, into, offset);
      const now = await handle.stat({ bigint: true });
      if (complete && now.size === bigSize && now.mtimeNs === mtimeNs) return;
      throw new IoError(`${path} changed while it was read.`, {
        hint: "Another program writes to it; wait for it and start again.",
        details: { file: path, offset, length: into.length },
      });
    });
  };
  return {
    name: path,
    size,
    async read(offset, length, signal) {
      // Checked before memory is taken: a hostile file may ask for any length.
      checkRange({ name: path, size }, offset, length);
      const bytes = new Uint8Array(length);
      await readInto(offset, bytes, signal);
      return bytes;
    },
    readInto,
    async sibling(relativePath) {
      const source = await openSibling(path, relativePath);
      siblings.push(source);
      return source;
    },
    async close() {
      await handle.close();
      for (const source of siblings) await source.close?.();
    },
  };
}

/** False where the file ends early. */
async function readFully(handle: FileHandle, into: Uint8Array, offset: number): Promise<boolean> {
  for (let at = 0; at < into.length;) {
    // One call moves at most 2 GiB.
    const { bytesRead } = await handle.read(into, at, Math.min(into.length - at, 2 ** 30), offset + at);
    if (bytesRead === 0) return false;
    at += bytesRead;
  }
  return true;
}

async function openSibling(path: string, relativePath: string): Promise<ByteSource> {
  const target = join(dirname(path), ...requireSafePath(relativePath, path));
  const folder = await attempt(path, "opened", () => realpath(dirname(path)));
  const real = await attempt(target, "opened", () => realpath(target));
  if (!real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
    throw new FormatError(`${path}: "${relativePath}" is a link to ${real}, outside the model's folder.`, {
      hint: "Copy the file beside the model.",
      details: { file: path, location: relativePath },
    });
  }
  // Reports name it as the model's own path goes, not by where links lead.
  return { ...(await fromFile(real)), name: target };
}

/** A committed file that replaced an earlier one, kept aside until all files are in place. */
interface Replaced {
  readonly target: string;
  readonly backup: string | undefined;
}

/**
 * Prepares to write a file; the folder is tried at once, the target appears on `commit`.
 * On commit siblings come first, the main file last; if one step fails, all targets are as before.
 * @throws UsageError where the target exists (without `force`) or is one of `notSameAs`; IoError where the
 *   folder is missing, not writable or full
 */
export async function toFile(path: string, options: FileSinkOptions = {}): Promise<ByteSink> {
  return (await openSink(path, options, newRun())).sink;
}

interface OpenSink {
  readonly sink: ByteSink;
  /** Flushes and closes the hidden file. */
  seal(): Promise<void>;
  /** Moves it to its target; `keepOld` sets the earlier file aside instead of dropping it. */
  place(keepOld: boolean): Promise<Replaced>;
}

async function openSink(path: string, options: FileSinkOptions, run: string): Promise<OpenSink> {
  await refuseTarget(path, options);
  await removeStaleParts(path);
  const hidden = hiddenPath(path, run);
  let handle: FileHandle | undefined = await attempt(path, "written", () => open(hidden, "wx"));
  let state: "open" | "committed" | "discarded" = "open";
  let expectedBytes = 0;
  const siblings = new Map<string, OpenSink>();
  const orFullDisk = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (cause) {
      if (codeOf(cause) === "EFBIG") throw tooLarge(path, expectedBytes, cause);
      if (codeOf(cause) !== "ENOSPC") throw cause;
      const { blocks } = await stat(hidden);
      throw fullDisk(path, expectedBytes, (await freeBytes(path)) + blocks * 512, cause);
    }
  };
  const seal = async (): Promise<void> => {
    await attempt(path, "written", () => orFullDisk(async () => handle?.sync()));
    await handle?.close();
    handle = undefined;
  };
  const place = async (keepOld: boolean): Promise<Replaced> => {
    const replaced = await attempt(path, "written", () => moveInto(hidden, path, options.force === true, keepOld));
    state = "committed";
    return replaced;
  };
  const writable = (): FileHandle => {
    if (handle) return handle;
    throw new UsageError(`${path} is ${state}: nothing more can be written to it.`);
  };
  const discard = async (): Promise<void> => {
    for (const { sink } of siblings.values()) await sink.discard();
    if (state !== "open") return;
    state = "discarded";
    await handle?.close();
    handle = undefined;
    await ifPresent(path, "discarded", () => unlink(hidden));
  };
  const sink: ByteSink = {
    name: path,
    async allocate(size) {
      expectedBytes = size;
      await attempt(path, "written", async () => {
        const availableBytes = await freeBytes(path);
        if (availableBytes < size) throw fullDisk(path, size, availableBytes);
        await orFullDisk(() => writable().truncate(size));
      });
    },
    async writeAt(offset, bytes) {
      expectedBytes = Math.max(expectedBytes, offset + bytes.length);
      const write = async (): Promise<void> => {
        for (let at = 0; at < bytes.length;) {
          const length = Math.min(bytes.length - at, 2 ** 30);
          at += (await writable().write(bytes, at, length, offset + at)).bytesWritten;
        }
      };
      await attempt(path, "written", () => orFullDisk(write));
    },
    async sibling(fileName) {
      const name = requireSafePath(fileName, path).join("/");
      if (name.includes("/")) throw new UsageError(`"${fileName}" is not a plain file name.`);
      const opened = await openSink(join(dirname(path), name), options, run);
      siblings.set(name, opened);
      return opened.sink;
    },
    async commit() {
      const beside = [...siblings.values()];
      const done: Replaced[] = [];
      try {
        for (const file of [...beside, { seal }]) await file.seal();
        for (const file of beside) done.push(await file.place(true));
        // The last step replaces at once or not at all: the old main file need not be kept aside.
        await place(false);
      } catch (error) {
        for (const replaced of done.toReversed()) await putBack(replaced);
        await discard();
        throw error;
      }
      for (const { backup } of done) {
        if (backup !== undefined) await ifPresent(backup, "removed", () => unlink(backup));
      }
    },
    discard,
    async asSource() {
      const source = await fromFile(state === "open" ? hidden : path);
      const opened: ByteSource[] = [];
      return {
        ...source,
        name: path,
        async sibling(relativePath) {
          const file = siblings.get(relativePath);
          if (!file) throw new IoError(`${path}: there is no file "${relativePath}" beside it.`);
          const sibling = await file.sink.asSource();
          opened.push(sibling);
          return sibling;
        },
        async close() {
          await source.close?.();
          for (const sibling of opened) await sibling.close?.();
        },
      };
    },
  };
  return { sink, seal, place };
}

/** Truncation reserves nothing, so the free space is asked for. Some file systems do not tell. */
async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize, blocks } = await statfs(dirname(path));
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

const fullDisk = (path: string, neededBytes: number, availableBytes: number, cause?: unknown): IoError =>
  new IoError(`${path} needs ${neededBytes} bytes and the disk has room for ${availableBytes}.`, {
    hint: "Free some space or choose another folder.",
    details: { file: path, neededBytes, availableBytes },
    ...(cause === undefined ? {} : { cause }),
  });

const tooLarge = (path: string, neededBytes: number, cause: unknown): IoError =>
  new IoError(`${path} needs ${neededBytes} bytes, more than one file may have here.`, {
    hint: "Choose another folder, or lift the limit on file sizes (ulimit -f unlimited).",
    details: { file: path, neededBytes },
    cause,
  });

/** Renames; without `force` a target that appeared meanwhile is not replaced. */
async function moveInto(hidden: string, target: string, force: boolean, keepOld: boolean): Promise<Replaced> {
  if (!force) {
    try {
      await link(hidden, target);
    } catch (cause) {
      const noLinks = cause instanceof Error && "code" in cause && cause.code !== "EEXIST";
      if (!noLinks || (await ifPresent(target, "written", () => stat(target)))) throw cause;
      await rename(hidden, target);
      return { target, backup: undefined };
    }
    await unlink(hidden);
    return { target, backup: undefined };
  }
  if (!keepOld) {
    await rename(hidden, target);
    return { target, backup: undefined };
  }
  const backup = backupPath(hidden);
  const kept = await ifPresent(target, "written", async () => {
    // A second name keeps the target in place until the rename; some file systems have none.
    await link(target, backup).catch(() => rename(target, backup));
    return backup;
  });
  try {
    await rename(hidden, target);
  } catch (cause) {
    if (kept !== undefined) await restoreBackup(kept, target);
    throw cause;
  }
  return { target, backup: kept };
}

async function putBack({ target, backup }: Replaced): Promise<void> {
  if (backup === undefined) await ifPresent(target, "removed", () => unlink(target));
  else await restoreBackup(backup, target);
}
