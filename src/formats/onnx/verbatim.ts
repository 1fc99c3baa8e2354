// Which objects may be written byte for byte: those that the reader made and nobody changed. Objects are
// immutable, so identity says it; a spread copy that drags `raw` along does not pass for the original.
import type { RawRange } from "./ir.ts";

interface Origin {
  readonly owner: object;
  readonly field: number;
  /** The whole field: tag, length and payload. */
  readonly whole: RawRange;
}

const origins = new WeakMap<RawRange, Origin>();

/** Records that `object` was read from `object.raw`, the payload of the field that spans `whole`. */
export function markVerbatim(object: { readonly raw?: RawRange }, field: number, whole: RawRange): void {
  if (object.raw) origins.set(object.raw, { owner: object, field, whole });
}

/** The payload of an untouched object, and its whole field where it stood in a field of this number. */
export function verbatim(
  object: { readonly raw?: RawRange },
  field: number,
): { readonly payload: RawRange; readonly whole?: RawRange } | undefined {
  const origin = object.raw && origins.get(object.raw);
  if (!object.raw || origin?.owner !== object) return undefined;
  return origin.field === field ? { payload: object.raw, whole: origin.whole } : { payload: object.raw };
}
