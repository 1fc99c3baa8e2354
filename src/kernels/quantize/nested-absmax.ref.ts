// Reference of quantize/nested-absmax: products of two f32 are exact in f64, so comparisons are real ones.
import type { KernelReference } from "../kernel.ts";
import { sane } from "./table-block.ref.ts";
import { smallestNested } from "./tables.ts";

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const nestedAbsmaxReference: KernelReference = (params, [absmax, offset, midpoints, codes, nested]) => {
  if (!absmax || !offset || !midpoints || !codes || !nested) return;
  const { count = 0, block_size: blockSize = 256, zero_code: zero = 0 } = params;
  const middles = Array.from({ length: 255 }, (_, i) => view(midpoints).getFloat32(i * 4, true));
  const mean = sane(view(offset).getFloat32(0, true));
  const x = (i: number): number =>
    i < count ? sane(Math.fround(sane(view(absmax).getFloat32(i * 4, true)) - mean)) : 0;
  for (let start = 0; start < count; start += blockSize) {
    const end = Math.min(start + blockSize, count);
    let scale = 0;
    for (let i = start; i < end; i++) scale = Math.max(scale, Math.abs(x(i)));
    if (scale < smallestNested) scale = 0;
    view(nested).setFloat32((start / blockSize) * 4, scale, true);
    for (let i = start; i < Math.ceil(end / 4) * 4; i++) {
      codes[i] = scale === 0 ? zero : middles.filter((m) => x(i) > m * scale).length;
    }
  }
};
