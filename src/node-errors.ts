// Errors of the file system as IoError: what failed, where, and what to do about it.
import { IoError, WgslimError } from "./base/errors.ts";

const hints: Readonly<Record<string, string>> = {
  ENOENT: "The file or its folder does not exist; check the path.",
  ENOTDIR: "A part of the path is a file, not a folder; check the path.",
  EISDIR: "The path is a folder; give a file.",
  EACCES: "Permission is missing; choose another folder or change its permissions.",
  EPERM: "Permission is missing; choose another folder or change its permissions.",
  EROFS: "The file system is read-only; choose another folder.",
  ENOSPC: "The disk is full; free some space or choose another folder.",
  EDQUOT: "The disk quota is used up; free some space or choose another folder.",
  EFBIG: "The file is larger than the file system or a limit of this process allows.",
  EEXIST: "The file exists; choose another name or force overwriting.",
  EMFILE: "Too many files are open in this process.",
  ENAMETOOLONG: "The file name is too long.",
};

/** The system's name for an error, such as ENOENT. */
export const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;

/** @param doing "opened", "written" … */
export function toIoError(cause: unknown, path: string, doing: string): WgslimError {
  if (cause instanceof WgslimError) return cause;
  const code = codeOf(cause);
  const hint = code === undefined ? undefined : hints[code];
  const why = code ?? (cause instanceof Error ? cause.message : String(cause));
  return new IoError(`${path} can't be ${doing}: ${why}.`, {
    ...(hint === undefined ? {} : { hint }),
    details: { file: path, reason: why },
    cause,
  });
}

/** Runs a file operation and translates what it throws. */
export async function attempt<T>(path: string, doing: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw toIoError(cause, path, doing);
  }
}

/** As `attempt`, but undefined where there is no such file. */
export async function ifPresent<T>(path: string, doing: string, act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw toIoError(cause, path, doing);
  }
}
