// Files that a caller hands over together with the main one, because memory and pages have no folders.
import type { ByteSource } from "../../base/bytes.ts";
import { IoError } from "../../base/errors.ts";
import { requireSafePath } from "./checks.ts";

/** Files that lie beside the main one, by path relative to its folder. */
export interface SiblingOptions<T> {
  readonly siblings?: Readonly<Record<string, T>>;
}

/** The `sibling` method of a source, if siblings were given. */
export function siblingOpener<T>(
  name: string,
  siblings: Readonly<Record<string, T>> | undefined,
  open: (file: T, path: string) => ByteSource,
): Pick<ByteSource, "sibling"> {
  if (!siblings) return {};
  const files = new Map(Object.entries(siblings));
  return {
    async sibling(relativePath) {
      const path = requireSafePath(relativePath, name).join("/");
      const file = files.get(path);
      if (file !== undefined) return open(file, path);
      throw new IoError(`${name}: the file "${path}" was not given.`, {
        hint: `Give "${path}" together with the model.`,
        details: { file: name, location: path },
      });
    },
  };
}
