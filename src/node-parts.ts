// Hidden files that are being written: `.NAME.MARK-PID-RUN.part`, and `.part.old` for an earlier file set aside
// during a commit. MARK stands for the machine and its space of process ids, PID for the writer, RUN for one output
// with its siblings. A writer that was killed leaves them behind; the next one to the same target, finding the writer
// dead, removes them, and puts back what was set aside for a commit that never ended.
import { createHash, randomUUID } from "node:crypto";
import { readlinkSync } from "node:fs";
import { readdir, rename, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { codeOf, ifPresent } from "./node-errors.ts";

/** File names end at 255 bytes on most file systems, and a character takes up to 4. */
const longestName = 50;
const pattern = /^\.(.+)\.([0-9a-f]{8})-(\d+)-([0-9a-f]{8})\.part(\.old)?$/s;

/** Process ids mean something on one machine only, and in one of its containers. */
function machineMark(): string {
  let space = "";
  try {
    space = readlinkSync("/proc/self/ns/pid");
  } catch {
    // Not Linux: the host's name must do.
  }
  return createHash("sha256").update(`${hostname()}\n${space}`).digest("hex").slice(0, 8);
}

/** A token for one output and the files beside it. */
export const newRun = (): string => randomUUID().slice(0, 8);

const shortened = (path: string): string => basename(path).slice(0, longestName);

/** Where a target's bytes lie until it is committed. */
export const hiddenPath = (path: string, run: string): string =>
  join(dirname(path), `.${shortened(path)}.${machineMark()}-${process.pid}-${run}.part`);

/** Where an earlier target is kept until the commit is whole. */
export const backupPath = (hidden: string): string => `${hidden}.old`;

interface Part {
  readonly file: string;
  readonly name: string;
  readonly run: string;
  readonly isBackup: boolean;
}

/**
 * Removes what killed writers to the same target have left. Files of living processes, of other machines and of
 * other targets stay.
 * @throws IoError where a file can't be removed
 */
export async function removeStaleParts(path: string): Promise<void> {
  const folder = dirname(path);
  const stale = (await partsIn(folder)).filter(({ pid }) => !isAlive(pid));
  const mine = stale.filter(({ name }) => name === shortened(path));
  // While the main file's part is there, its commit has not ended, and what it set aside belongs back.
  const broken = new Set(mine.filter(({ isBackup }) => !isBackup).map(({ run }) => run));
  for (const { file, name, isBackup, run } of stale) {
    const from = join(folder, file);
    if (isBackup && broken.has(run)) {
      // A name that was cut does not tell whose file it is; that one is left for its owner to see.
      if (name.length < longestName) await restoreBackup(from, join(folder, name));
    } else if (broken.has(run) || name === shortened(path)) {
      await ifPresent(from, "removed", () => unlink(from));
    }
  }
}

/** Puts an earlier file back in its place. */
export async function restoreBackup(backup: string, target: string): Promise<void> {
  await ifPresent(target, "put back", () => rename(backup, target));
  // Where both are one file still, the rename has left both names.
  await ifPresent(backup, "removed", () => unlink(backup));
}

async function partsIn(folder: string): Promise<(Part & { readonly pid: number })[]> {
  const mark = machineMark();
  // A folder may take files and yet not be listed; whether it takes ours will show when one is made.
  const names = await readdir(folder).catch(() => []);
  return names.flatMap((file) => {
    const [, name, machine, pid, run, old] = pattern.exec(file) ?? [];
    if (name === undefined || run === undefined || machine !== mark) return [];
    return [{ file, name, run, pid: Number(pid), isBackup: old !== undefined }];
  });
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 is never delivered.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}
