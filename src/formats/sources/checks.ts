// What every source checks before it reads, and which sibling paths are allowed at all.
// Knows no file system and no network.
import type { ByteSource } from "../../base/bytes.ts";
import { FormatError } from "../../base/errors.ts";

/** @throws FormatError unless [offset, offset + length) lies inside the source */
export function checkRange(source: Pick<ByteSource, "name" | "size">, offset: number, length: number): void {
  const sane = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (sane && offset + length <= source.size) return;
  throw new FormatError(
    `${source.name}: bytes ${offset} to ${offset + length} were asked for, but the file ends at ${source.size}.`,
    { hint: "The file is truncated or damaged; fetch it again.", details: { file: source.name, offset, length } },
  );
}

/**
 * The segments of a path that stays inside its folder, or undefined where it might not: absolute paths,
 * "..", drive letters, URL schemes, backslashes, empty segments and NUL are all refused, whatever the
 * platform, because a file may move between platforms. Leading and inner "." segments are dropped.
 */
export function safeRelativePath(path: string): readonly string[] | undefined {
  if (path === "" || path.includes("\\") || path.includes("\0") || /^[a-z][a-z0-9+.-]*:/i.test(path)) return undefined;
  const segments = path.split("/");
  if (segments.some((segment) => segment === "" || segment === "..")) return undefined;
  const kept = segments.filter((segment) => segment !== ".");
  return kept.length > 0 ? kept : undefined;
}

/** As safeRelativePath, with a FormatError that names both files. */
export function requireSafePath(path: string, file: string): readonly string[] {
  const segments = safeRelativePath(path);
  if (segments) return segments;
  throw new FormatError(`${file}: the path "${path}" leads out of the file's own folder, or may do so.`, {
    hint: "Only files in the same folder, or below it, are read; move the file there and name it by a relative path.",
    details: { file, location: path },
  });
}
