// NumPy's .npz: a zip archive of .npy files, one an array, named NAME.npy.
import type { ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { readNpy, writeNpy, type NpyArray } from "./npy.ts";
import { readZipDirectory, readZipEntry, type ZipEntry } from "./zip.ts";
import { writeZip, type ZipWriteOptions } from "./zip-write.ts";

export interface NpzOptions {
  /** Bytes that all arrays together may take once unpacked; default 2 GiB. */
  readonly maxBytes?: number;
  /** Read these arrays only. */
  readonly only?: readonly string[];
  readonly signal?: AbortSignal;
}

const arrayName = (entry: ZipEntry): string => entry.name.replace(/\.npy$/, "");

/**
 * Reads the arrays of an archive, in its order.
 * @throws FormatError where the archive or an array in it is malformed, an array of `only` is missing, or the arrays
 *   take more than `maxBytes`; UnsupportedError for another compression or element type
 * @example (await readNpz(await fromFile("data.npz"))).get("x")
 */
export async function readNpz(source: ByteSource, options: NpzOptions = {}): Promise<ReadonlyMap<string, NpyArray>> {
  const { maxBytes = 2 ** 31, only, signal } = options;
  const entries = (await readZipDirectory(source, signal)).filter((entry) => only?.includes(arrayName(entry)) ?? true);
  const lacking = only?.find((name) => !entries.some((entry) => arrayName(entry) === name));
  if (lacking !== undefined) {
    throw new FormatError(`${source.name}: there is no array "${lacking}" in it.`, { details: { file: source.name } });
  }
  const total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  if (total > maxBytes) {
    throw new FormatError(`${source.name}: the arrays take ${total} bytes, more than the ${maxBytes} allowed.`, {
      hint: "Read some of the arrays only, or raise maxBytes.",
      details: { file: source.name, limit: maxBytes },
    });
  }
  const arrays = new Map<string, NpyArray>();
  for (const entry of entries) {
    const name = arrayName(entry);
    if (arrays.has(name)) {
      throw new FormatError(`${source.name}: the array "${name}" is there twice.`, { details: { file: source.name } });
    }
    const bytes = await readZipEntry(source, entry, signal);
    arrays.set(name, readNpy(bytes, `${source.name}: entry "${entry.name}"`));
  }
  return arrays;
}

/**
 * Makes an archive as numpy.savez does, or numpy.savez_compressed with `compress`.
 * @throws UsageError where dims and data disagree; UnsupportedError beyond 4 GiB
 */
export async function writeNpz(
  arrays: Iterable<readonly [name: string, array: NpyArray]>,
  options: ZipWriteOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return writeZip(
    Array.from(arrays, ([name, array]) => [`${name}.npy`, writeNpy(array)] as const),
    options,
  );
}
