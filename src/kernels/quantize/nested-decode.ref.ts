// Reference of quantize/nested-decode: a product and a sum, each rounded to f32.
import type { KernelReference } from "../kernel.ts";
import { sane } from "./table-block.ref.ts";

/** A float as the kernel sees it. */
const float = (bytes: Uint8Array, i: number): number =>
  sane(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat32(i * 4, true));

export const nestedDecodeReference: KernelReference = (params, [codes, nested, codeMap, offset, absmax]) => {
  if (!codes || !nested || !codeMap || !offset || !absmax) return;
  const { count = 0, block_size: blockSize = 256 } = params;
  const out = new DataView(absmax.buffer, absmax.byteOffset, absmax.byteLength);
  const mean = float(offset, 0);
  for (let i = 0; i < count; i++) {
    const product = Math.fround(float(codeMap, codes[i] ?? 0) * float(nested, Math.floor(i / blockSize)));
    out.setFloat32(i * 4, sane(Math.fround(product + mean)), true);
  }
};
