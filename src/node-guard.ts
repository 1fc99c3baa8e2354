// What may be written where. The input and its data files survive whatever is asked for, by whatever path, symbolic
// or hard link they are named.
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UsageError } from "./base/errors.ts";
import { ifPresent } from "./node-errors.ts";

export interface FileSinkOptions {
  /** Replace existing files. */
  readonly force?: boolean;
  /** Files that must survive (the inputs); writing over them is refused even with `force`. */
  readonly notSameAs?: readonly string[];
}

/** @throws UsageError where the target is a folder, exists (without `force`), or is one of `notSameAs` */
export async function refuseTarget(path: string, { force, notSameAs = [] }: FileSinkOptions): Promise<void> {
  for (const kept of notSameAs) {
    if (!(await isSameFile(path, kept))) continue;
    throw new UsageError(`${path} is the input itself; it is never overwritten.`, {
      hint: "Give the output another name.",
      details: { file: path, input: kept },
    });
  }
  const existing = await ifPresent(path, "written", () => stat(path));
  if (!existing) return;
  if (existing.isDirectory()) throw new UsageError(`${path} is a folder.`, { hint: "Give a file name." });
  // A rename would put a file in the place of a device or a pipe.
  if (!existing.isFile()) throw new UsageError(`${path} is not a regular file.`, { hint: "Give a file name." });
  if (!force) {
    throw new UsageError(`${path} exists.`, {
      hint: "Choose another name, or force overwriting (--force).",
      details: { file: path },
    });
  }
}

/** Files that one command writes, by what each is for; undefined ones are left out. */
export type WrittenFiles = Readonly<Record<string, string | undefined>>;

/** @throws UsageError where two of the files are one, or one of them is in `kept` */
export async function refuseClashes(written: WrittenFiles, kept: readonly string[]): Promise<void> {
  const files = Object.entries(written).flatMap(([use, path]) => (path === undefined ? [] : [{ use, path }]));
  for (const [index, { use, path }] of files.entries()) {
    for (const input of kept) {
      if (!(await isSameFile(path, input))) continue;
      throw new UsageError(
        `The ${use} ${path} is the input itself or one of its data files; they are never overwritten.`,
        {
          hint: `Give the ${use} another name.`,
          details: { file: path, input },
        },
      );
    }
    for (const other of files.slice(0, index)) {
      if (!(await isSameFile(path, other.path))) continue;
      throw new UsageError(`The ${use} and the ${other.use} are one file, ${path}.`, {
        hint: `Give the ${use} another name.`,
        details: { file: path },
      });
    }
  }
}

/** True also where neither exists yet and both paths lead to the same place. */
export async function isSameFile(path: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all(
    [path, other].map((each) => ifPresent(each, "read", () => stat(each, { bigint: true }))),
  );
  if (a && b && a.dev === b.dev && a.ino === b.ino) return true;
  return (await realPlace(path)) === (await realPlace(other));
}

/** The path with links resolved, of the folder alone where the file does not exist. */
async function realPlace(path: string): Promise<string> {
  const whole = await ifPresent(path, "read", () => realpath(path));
  if (whole !== undefined) return whole;
  const folder = await ifPresent(path, "read", () => realpath(dirname(path)));
  return join(folder ?? resolve(dirname(path)), basename(path));
}
