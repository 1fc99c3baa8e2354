// Files of Node as sources and sinks. A sink writes to a hidden file beside its target and renames it on
// commit, so that nobody ever sees half a file and the earlier one survives until the new one is safe.
import { randomUUID } from "node:crypto";
import { link, open, realpath, rename, stat, statfs, unlink, type FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import type { ByteSink, ByteSource } from "./base/bytes.ts";
import { FormatError, IoError, UsageError, throwIfAborted } from "./base/errors.ts";
import { checkRange, requireSafePath } from "./formats/sources/checks.ts";
import { attempt, ifPresent } from "./node-errors.ts";

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
  return fromFile(real);
}

export interface FileSinkOptions {
  /** Replace existing files. */
  readonly force?: boolean;
  /** Files that must survive (the inputs); writing over them is refused even with `force`. */
  readonly notSameAs?: readonly string[];
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
  return (await openSink(path, options)).sink;
}

interface OpenSink {
  readonly sink: ByteSink;
  /** Flushes and closes the hidden file. */
  seal(): Promise<void>;
  /** Moves it to its target; `keepOld` sets the earlier file aside instead of dropping it. */
  place(keepOld: boolean): Promise<Replaced>;
}

async function openSink(path: string, options: FileSinkOptions): Promise<OpenSink> {
  await refuseTarget(path, options);
  const hidden = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomUUID().slice(0, 8)}.part`);
  let handle: FileHandle | undefined = await attempt(path, "written", () => open(hidden, "wx"));
  let state: "open" | "committed" | "discarded" = "open";
  const siblings = new Map<string, OpenSink>();
  const seal = async (): Promise<void> => {
    await attempt(path, "written", async () => handle?.sync());
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
      await attempt(path, "written", async () => {
        await refuseFullDisk(path, size);
        await writable().truncate(size);
      });
    },
    async writeAt(offset, bytes) {
      await attempt(path, "written", async () => {
        for (let at = 0; at < bytes.length;) {
          const length = Math.min(bytes.length - at, 2 ** 30);
          at += (await writable().write(bytes, at, length, offset + at)).bytesWritten;
        }
      });
    },
    async sibling(fileName) {
      const name = requireSafePath(fileName, path).join("/");
      if (name.includes("/")) throw new UsageError(`"${fileName}" is not a plain file name.`);
      const opened = await openSink(join(dirname(path), name), options);
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

async function refuseTarget(path: string, { force, notSameAs = [] }: FileSinkOptions): Promise<void> {
  const existing = await ifPresent(path, "written", () => stat(path, { bigint: true }));
  const place = await realPlace(path);
  for (const kept of notSameAs) {
    const other = await ifPresent(kept, "read", () => stat(kept, { bigint: true }));
    const sameFile = existing && other && existing.dev === other.dev && existing.ino === other.ino;
    if (!sameFile && place !== (await realPlace(kept))) continue;
    throw new UsageError(`${path} is the input itself; it is never overwritten.`, {
      hint: "Give the output another name.",
      details: { file: path, input: kept },
    });
  }
  if (!existing) return;
  if (existing.isDirectory()) throw new UsageError(`${path} is a folder.`, { hint: "Give a file name." });
  if (!force) {
    throw new UsageError(`${path} exists.`, {
      hint: "Choose another name, or force overwriting (--force).",
      details: { file: path },
    });
  }
}

/** The path with links resolved, of the folder alone where the file does not exist. */
async function realPlace(path: string): Promise<string> {
  const whole = await ifPresent(path, "read", () => realpath(path));
  if (whole !== undefined) return whole;
  const folder = await ifPresent(path, "read", () => realpath(dirname(path)));
  return join(folder ?? resolve(dirname(path)), basename(path));
}

/** Truncation reserves nothing, so the free space is asked for. Some file systems do not tell. */
async function refuseFullDisk(path: string, size: number): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(dirname(path));
  const available = bavail * bsize;
  if (blocks === 0 || available >= size) return;
  throw new IoError(`${path} needs ${size} bytes and the disk has ${available}.`, {
    hint: "Free some space or choose another folder.",
    details: { file: path, neededBytes: size, availableBytes: available },
  });
}

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
  const backup = `${hidden}.old`;
  const kept = await ifPresent(target, "written", async () => {
    // A second name keeps the target in place until the rename; some file systems have none.
    await link(target, backup).catch(() => rename(target, backup));
    return backup;
  });
  try {
    await rename(hidden, target);
  } catch (cause) {
    if (kept !== undefined) await rename(kept, target);
    throw cause;
  }
  return { target, backup: kept };
}

async function putBack({ target, backup }: Replaced): Promise<void> {
  if (backup === undefined) await ifPresent(target, "removed", () => unlink(target));
  else await rename(backup, target);
}
