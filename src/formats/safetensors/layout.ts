// Lays a safetensors file out to the byte before any tensor is computed: header first, then the tensors sorted by
// element type and name, as the format's own writer sorts them. Gives the same plain layout as ONNX files do.
import { byteLengthOf, elementCount } from "../../base/dtypes.ts";
import { InternalError, UnsupportedError, UsageError } from "../../base/errors.ts";
import { dataLength, pushData } from "../onnx/encode.ts";
import type { FileLayout, PendingPlace } from "../onnx/layout.ts";
import { Pieces, toSegments } from "../onnx/pieces.ts";
import { maxHeaderBytes } from "./read.ts";
import { dtypeOfSafe, orderOfSafe, type SafeTensor, type SafetensorsModel } from "./types.ts";

const alignment = 8;

const byTypeAndName = (a: SafeTensor, b: SafeTensor): number =>
  orderOfSafe(b.dtype) - orderOfSafe(a.dtype) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/**
 * One file of all tensors, whatever files they came from.
 * @throws UsageError for a name used twice; UnsupportedError for a header beyond the format's limit; InternalError
 *   where a tensor's data does not fit its shape
 */
export function layoutSafetensors(model: SafetensorsModel): FileLayout {
  const sorted = model.tensors.toSorted(byTypeAndName);
  const header: Record<string, unknown> = Object.create(null);
  if (model.metadata.length > 0) header["__metadata__"] = Object.fromEntries(model.metadata);
  let at = 0;
  for (const { name, dtype, shape, data } of sorted) {
    if (name in header || name === "__metadata__") throw new UsageError(`Two tensors are named "${name}".`);
    const length = dataLength(data);
    if (length !== byteLengthOf(dtypeOfSafe(dtype), elementCount(shape))) {
      throw new InternalError(`Tensor "${name}": ${dtype} [${shape.join(", ")}] over ${length} bytes.`);
    }
    header[name] = { dtype, shape, data_offsets: [at, at + length] };
    at += length;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(text.length / alignment) * alignment).fill(0x20);
  padded.set(text);
  if (padded.length > maxHeaderBytes) {
    throw new UnsupportedError(`The header needs ${padded.length} bytes, and readers take ${maxHeaderBytes}.`);
  }
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, BigInt(padded.length), true);
  const pieces = new Pieces();
  pieces.push({ kind: "bytes", bytes: size });
  pieces.push({ kind: "bytes", bytes: padded });
  for (const { data } of sorted) pushData(pieces, data);
  const segments = toSegments(pieces.finish());
  const pending = new Map<string, PendingPlace>();
  for (const segment of segments) {
    if (segment.kind !== "pending") continue;
    const { key, offset, length } = segment;
    pending.set(key, { file: "main", offset, length });
  }
  return { main: { size: pieces.length, segments }, pending };
}
