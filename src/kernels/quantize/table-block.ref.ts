// Reference of quantize/table-block. A threshold of 24 bits times an absmax of 24 bits has 48 bits, so the
// product is exact in f64 and the comparison is that of the real numbers.
import type { KernelReference } from "../kernel.ts";
import { fp4Order, smallestAbsmax, tableThresholds } from "./tables.ts";

/** Code of x under an absmax; x is 0 or a normal f32. */
export function tableCode(x: number, absmax: number, nf4: boolean): number {
  const rank = (value: number, thresholds: readonly number[]): number =>
    thresholds.filter((t) => value > t * absmax).length;
  if (nf4) return absmax === 0 ? 7 : rank(x, tableThresholds.nf4);
  if (absmax === 0) return 0;
  return (fp4Order[rank(Math.abs(x), tableThresholds.fp4)] ?? 0) + (x < 0 ? 8 : 0);
}

/** What encoders see of a value: NaN, infinity and subnormals are 0. */
export const sane = (x: number): number => (Number.isFinite(x) && Math.abs(x) >= 2 ** -126 ? x : 0);

export const tableBlockReference: KernelReference = (params, [source, codes, absmax]) => {
  if (!source || !codes || !absmax) return;
  const { count = 0, block_size: blockSize = 64, table = 0 } = params;
  const from = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const scales = new DataView(absmax.buffer, absmax.byteOffset, absmax.byteLength);
  const at = (i: number): number => (i < count ? sane(from.getFloat32(i * 4, true)) : 0);
  for (let start = 0; start < count; start += blockSize) {
    let scale = 0;
    for (let i = start; i < start + blockSize; i++) scale = Math.max(scale, Math.abs(at(i)));
    if (scale < smallestAbsmax) scale = 0;
    scales.setFloat32((start / blockSize) * 4, scale, true);
    // Whole words: four bytes of two codes, the even one high.
    const end = Math.min(start + blockSize, Math.ceil(count / 8) * 8);
    for (let i = start; i < end; i += 2) {
      codes[i / 2] = tableCode(at(i), scale, table === 1) * 16 + tableCode(at(i + 1), scale, table === 1);
    }
  }
};
