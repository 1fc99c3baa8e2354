// Decides where every byte of a written model goes, before anything is computed or read: pure and
// synchronous. Big tensors may go to a second file (external data), which ONNX needs beyond 2 GiB.
import { UnsupportedError, UsageError } from "../../base/errors.ts";
import { safeRelativePath } from "../sources/checks.ts";
import { dataLength, encodeModel, pushData, type PlaceTensor } from "./encode.ts";
import type { OnnxModel } from "./ir.ts";
import { Pieces, toSegments, type Segment } from "./pieces.ts";
import { maxMessageBytes } from "./schema.ts";

export interface ExternalDataOptions {
  /** Name of the data file beside the model, no folders. */
  readonly fileName: string;
  /** Tensors of at least so many bytes go there; default 1024. */
  readonly thresholdBytes?: number;
  /** "needed": only when the model would not fit one protobuf file. Default "always". */
  readonly when?: "always" | "needed";
}

export interface LayoutOptions {
  readonly externalData?: ExternalDataOptions;
}

export interface FileExtent {
  readonly size: number;
  /** In ascending order, without gaps. */
  readonly segments: readonly Segment[];
}

/** Where the bytes of a pending tensor belong. */
export interface PendingPlace {
  readonly file: "main" | "external";
  readonly offset: number;
  readonly length: number;
}

export interface FileLayout {
  readonly main: FileExtent;
  readonly external?: FileExtent & { readonly fileName: string };
  readonly pending: ReadonlyMap<string, PendingPlace>;
}

/** onnx asks for pages so that big tensors can be mapped; small ones waste less at a cache line. */
const alignmentOf = (length: number): number => (length >= 1024 * 1024 ? 4096 : 64);

/**
 * Lays a model out as one file, or two.
 *
 * Initializers of at least the threshold go to the external file, those of re-encoded sub-graphs included,
 * and tensors in attributes that were external before; other tensors in attributes stay inline, because
 * runtimes do not look for external data there.
 * @throws UnsupportedError where the main file would pass 2 GiB - 1; UsageError for a bad file name or
 *   a pending key used twice; InternalError where a tensor's data does not fit its dims
 */
export function layoutOnnx(model: OnnxModel, options: LayoutOptions = {}): FileLayout {
  const external = options.externalData;
  if (external && (safeRelativePath(external.fileName)?.length !== 1 || external.fileName.startsWith("./"))) {
    throw new UsageError(`"${external.fileName}" can't name an external data file.`, {
      hint: "Give a plain file name, such as model.onnx_data.",
    });
  }
  if (!external || external.when === "needed") {
    const main = encodeModel(model, () => undefined);
    if (main.length <= maxMessageBytes) return finish(main);
    if (!external) throw tooLarge(main.length, "Write the weights to an external data file.");
  }
  const data = new Pieces();
  const threshold = external.thresholdBytes ?? 1024;
  const place: PlaceTensor = (tensor, role) => {
    const length = dataLength(tensor.data);
    const wasExternal = tensor.data.kind === "range" && tensor.data.external !== undefined;
    if (length === 0 || length < threshold || (role === "attribute" && !wasExternal)) return undefined;
    const alignment = alignmentOf(length);
    const padding = (alignment - (data.length % alignment)) % alignment;
    data.push({ kind: "bytes", bytes: new Uint8Array(padding) });
    const offset = data.length;
    pushData(data, tensor.data);
    return { location: external.fileName, offset, length };
  };
  const main = encodeModel(model, place);
  if (main.length > maxMessageBytes) {
    throw tooLarge(main.length, "Move weights from Constant nodes to initializers, or lower the threshold.");
  }
  return finish(main, data.length > 0 ? { fileName: external.fileName, pieces: data } : undefined);
}

const tooLarge = (bytes: number, hint: string): UnsupportedError =>
  new UnsupportedError(`The model needs ${bytes} bytes in one file, and protobuf ends at ${maxMessageBytes}.`, {
    hint,
    details: { neededBytes: bytes, limit: maxMessageBytes },
  });

function finish(main: Pieces, external?: { fileName: string; pieces: Pieces }): FileLayout {
  const pending = new Map<string, PendingPlace>();
  const extent = (pieces: Pieces, file: "main" | "external"): FileExtent => {
    const segments = toSegments(pieces.finish());
    for (const segment of segments) {
      if (segment.kind !== "pending") continue;
      const { key, offset, length } = segment;
      if (pending.has(key)) throw new UsageError(`Two tensors wait for the same result "${key}".`);
      pending.set(key, { file, offset, length });
    }
    return { size: pieces.length, segments };
  };
  return {
    main: extent(main, "main"),
    ...(external ? { external: { ...extent(external.pieces, "external"), fileName: external.fileName } } : {}),
    pending,
  };
}
