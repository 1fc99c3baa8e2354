// Fetches a plan's read from a tensor, wherever its bytes lie: one run, or many runs a stride apart.
import type { ReadRef } from "../plan/types.ts";
import type { OnnxTensor } from "../formats/onnx/ir.ts";
import { InternalError } from "../base/errors.ts";

/** Runs that fill at least this share of what they span are read together. */
const denseShare = 0.25;
const windowBytes = 4 * 2 ** 20;

type Fetch = (offset: number, length: number) => Promise<Uint8Array>;

function fetcher(tensor: OnnxTensor, signal: AbortSignal | undefined): Fetch {
  const { data } = tensor;
  if (data.kind === "bytes") return async (offset, length) => data.bytes.subarray(offset, offset + length);
  if (data.kind === "range")
    return (offset, length) => data.range.source.read(data.range.offset + offset, length, signal);
  throw new InternalError(`Tensor "${tensor.name}" has no bytes to read.`, { details: { tensor: tensor.name } });
}

/** Fills `into` with the runs of `ref`, end to end. */
export async function readRows(
  tensor: OnnxTensor,
  ref: ReadRef,
  into: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const fetch = fetcher(tensor, signal);
  const { offset, rowBytes, rows, rowStride } = ref;
  if (rows === 1 || rowStride === rowBytes) {
    const total = rowBytes * rows;
    for (let at = 0; at < total; at += windowBytes) {
      const length = Math.min(windowBytes, total - at);
      into.set(await fetch(offset + at, length), at);
    }
    return;
  }
  const together = rowBytes >= rowStride * denseShare ? Math.max(1, Math.floor(windowBytes / rowStride)) : 1;
  for (let row = 0; row < rows; row += together) {
    const count = Math.min(together, rows - row);
    const bytes = await fetch(offset + row * rowStride, (count - 1) * rowStride + rowBytes);
    for (let i = 0; i < count; i++)
      into.set(bytes.subarray(i * rowStride, i * rowStride + rowBytes), (row + i) * rowBytes);
  }
}
