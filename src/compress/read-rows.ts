// Fetches a plan's read from a tensor, wherever its bytes lie: one run, or many runs a stride apart.
import type { ReadRef } from "../plan/types.ts";
import type { OnnxTensor } from "../formats/onnx/ir.ts";
import { InternalError } from "../base/errors.ts";

/** Runs that fill at least this share of what they span are read together with the gaps. */
const denseShare = 0.7;
/** Runs shorter than this are too, since each read has its price, up to a gap of so many times the run. */
const shortRun = 2048;
const shortShare = 1 / 64;
const windowBytes = 4 * 2 ** 20;
/** Single runs read at a time. */
const together = 16;

type Fetch = (offset: number, length: number) => Promise<Uint8Array>;

/** Reads through one window of at most `largest` bytes, which the next call overwrites. */
function fetcher(tensor: OnnxTensor, largest: number, signal: AbortSignal | undefined): Fetch {
  const { data } = tensor;
  if (data.kind === "bytes") return async (offset, length) => data.bytes.subarray(offset, offset + length);
  if (data.kind !== "range") {
    throw new InternalError(`Tensor "${tensor.name}" has no bytes to read.`, { details: { tensor: tensor.name } });
  }
  const { source, offset: start } = data.range;
  if (!source.readInto) return (offset, length) => source.read(start + offset, length, signal);
  const window = new Uint8Array(largest);
  return async (offset, length) => {
    const bytes = window.subarray(0, length);
    await source.readInto?.(start + offset, bytes, signal);
    return bytes;
  };
}

/**
 * Fills `into` with the runs of `ref`, end to end.
 * @param onBytes is shown all that is fetched, gaps included, always in the same pieces and order
 */
export async function readRows(
  tensor: OnnxTensor,
  ref: ReadRef,
  into: Uint8Array,
  signal?: AbortSignal,
  onBytes?: (bytes: Uint8Array) => void,
): Promise<void> {
  const { offset, rowBytes, rows, rowStride } = ref;
  const share = rowBytes / rowStride;
  if (rows === 1 || rowStride === rowBytes) {
    const total = rowBytes * rows;
    const fetch = fetcher(tensor, Math.min(windowBytes, total), signal);
    for (let at = 0; at < total; at += windowBytes) {
      const bytes = await fetch(offset + at, Math.min(windowBytes, total - at));
      onBytes?.(bytes);
      into.set(bytes, at);
    }
  } else if (share >= denseShare || (rowBytes < shortRun && share >= shortShare)) {
    const most = Math.max(1, Math.floor(windowBytes / rowStride));
    const fetch = fetcher(tensor, (most - 1) * rowStride + rowBytes, signal);
    for (let row = 0; row < rows; row += most) {
      const count = Math.min(most, rows - row);
      const bytes = await fetch(offset + row * rowStride, (count - 1) * rowStride + rowBytes);
      onBytes?.(bytes);
      for (let i = 0; i < count; i++)
        into.set(bytes.subarray(i * rowStride, i * rowStride + rowBytes), (row + i) * rowBytes);
    }
  } else {
    const fetches = Array.from({ length: Math.min(together, rows) }, () => fetcher(tensor, rowBytes, signal));
    for (let row = 0; row < rows; row += together) {
      const wanted = fetches.slice(0, rows - row);
      const found = await Promise.all(wanted.map((fetch, i) => fetch(offset + (row + i) * rowStride, rowBytes)));
      for (const [i, bytes] of found.entries()) {
        onBytes?.(bytes);
        into.set(bytes, (row + i) * rowBytes);
      }
    }
  }
}
