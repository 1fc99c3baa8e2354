// External data: which file and range a tensor's external_data entries mean. Paths that may leave the
// model's folder are refused before anything is opened; every file is opened once, when first needed.
import type { ByteSource } from "../../base/bytes.ts";
import { AbortedError, FormatError, IoError, UnsupportedError, WgslimError } from "../../base/errors.ts";
import { requireSafePath } from "../sources/checks.ts";
import type { TensorData } from "./ir.ts";

/** Reads `offset` or `length`: a decimal integer in a string. */
function parseCount(entries: ReadonlyMap<string, string>, key: string, file: string, tensor: string) {
  const text = entries.get(key);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new FormatError(`${file}: tensor "${tensor}" has the external ${key} "${text.slice(0, 40)}".`, {
    hint: "Offsets and lengths are whole numbers of bytes below 2^53; export the model again.",
    details: { file, tensor },
  });
}

export class ExternalFiles {
  readonly #model: ByteSource;
  readonly #open = new Map<string, Promise<ByteSource>>();

  constructor(model: ByteSource) {
    this.#model = model;
  }

  /**
   * @param entries external_data as read
   * @param expected bytes that dims and element type ask for
   * @throws FormatError for a refused path, a range past the end or a length that does not fit the dims;
   *   IoError where the file is missing or unreadable
   */
  async resolve(entries: ReadonlyMap<string, string>, expected: number, tensor: string): Promise<TensorData> {
    const file = this.#model.name;
    const location = entries.get("location") ?? "";
    const path = requireSafePath(location, `${file}, tensor "${tensor}"`).join("/");
    const offset = parseCount(entries, "offset", file, tensor) ?? 0;
    const length = parseCount(entries, "length", file, tensor) ?? expected;
    const details = { file, tensor, location, offset, length };
    if (length !== expected) {
      throw new FormatError(
        `${file}: tensor "${tensor}" needs ${expected} bytes, its external data in "${location}" has ${length}.`,
        { hint: "The model and its data file do not belong together.", details },
      );
    }
    const source = await this.#file(path, tensor);
    if (offset + length > source.size) {
      throw new FormatError(
        `${file}: tensor "${tensor}" lies at bytes ${offset} to ${offset + length} of "${location}", which ends at ${source.size}.`,
        { hint: "The data file is truncated or belongs to another model.", details },
      );
    }
    return { kind: "range", range: { source, offset, length }, external: { location: path } };
  }

  async #file(path: string, tensor: string): Promise<ByteSource> {
    const file = this.#model.name;
    const details = { file, tensor, location: path };
    if (!this.#model.sibling) {
      throw new UnsupportedError(`${file}: tensor "${tensor}" lies in "${path}", which was not given.`, {
        hint: `Give "${path}" together with the model.`,
        details,
      });
    }
    let opened = this.#open.get(path);
    if (!opened) {
      opened = this.#model.sibling(path);
      this.#open.set(path, opened);
    }
    try {
      return await opened;
    } catch (cause) {
      if (cause instanceof AbortedError || cause instanceof FormatError) throw cause;
      throw new IoError(
        `${file}: the data file "${path}" of tensor "${tensor}" can't be opened: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          hint: (cause instanceof WgslimError ? cause.hint : undefined) ?? `Put "${path}" beside the model.`,
          details,
          cause,
        },
      );
    }
  }
}
