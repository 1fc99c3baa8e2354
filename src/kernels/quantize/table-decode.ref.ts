// Reference of quantize/table-decode: one product per element, rounded once to f32; zeros have no sign.
import type { KernelReference } from "../kernel.ts";
import { smallestAbsmax, tableValues } from "./tables.ts";

export const tableDecodeReference: KernelReference = (params, [codes, absmax, decoded]) => {
  if (!codes || !absmax || !decoded) return;
  const { count = 0, block_size: blockSize = 64, table = 0 } = params;
  const scales = new DataView(absmax.buffer, absmax.byteOffset, absmax.byteLength);
  const out = new DataView(decoded.buffer, decoded.byteOffset, decoded.byteLength);
  const values = tableValues[table === 1 ? "nf4" : "fp4"];
  for (let i = 0; i < count; i++) {
    const byte = codes[Math.floor(i / 2)] ?? 0;
    const code = i % 2 === 0 ? byte >> 4 : byte & 15;
    const stored = scales.getFloat32(Math.floor(i / blockSize) * 4, true);
    const scale = Number.isFinite(stored) && Math.abs(stored) >= smallestAbsmax ? stored : 0;
    out.setFloat32(i * 4, (values[code] ?? 0) * scale || 0, true);
  }
};
