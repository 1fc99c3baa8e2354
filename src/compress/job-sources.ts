// What a run reads, by the plan's source keys. For a checkpoint each read is digested as it passes, so that a run
// which is never interrupted reads its input once.
import { InternalError } from "../base/errors.ts";
import type { OnnxTensor } from "../formats/onnx/ir.ts";
import type { ReadRef } from "../plan/types.ts";
import type { Hasher } from "../run/checkpoint.ts";
import { readRows } from "./read-rows.ts";

export class JobSources {
  readonly #tensors: ReadonlyMap<string, OnnxTensor>;
  readonly #hasher: (() => Hasher) | undefined;
  /** Of reads whose digest nobody has asked for yet. */
  readonly #digests = new Map<string, string>();

  constructor(tensors: ReadonlyMap<string, OnnxTensor>, hasher?: () => Hasher) {
    this.#tensors = tensors;
    this.#hasher = hasher;
  }

  async read(ref: ReadRef, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    const tensor = this.#tensors.get(ref.source);
    if (!tensor) throw new InternalError(`No source "${ref.source}".`);
    const hash = this.#hasher?.();
    await readRows(tensor, ref, into, signal, hash && ((bytes) => void hash.update(bytes)));
    if (hash) this.#digests.set(JSON.stringify(ref), hash.digest());
  }

  /** Digest of what `read` gives, from the read just made or from one of its own. */
  async digest(ref: ReadRef, signal?: AbortSignal): Promise<string> {
    const key = JSON.stringify(ref);
    if (!this.#digests.has(key)) await this.read(ref, new Uint8Array(ref.rowBytes * ref.rows), signal);
    const digest = this.#digests.get(key) ?? "";
    this.#digests.delete(key);
    return digest;
  }
}
