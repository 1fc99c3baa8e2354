// Reference of stats/histogram: the definition, by linear search.
import type { KernelReference } from "../kernel.ts";

export const histogramReference: KernelReference = ({ count = 0, bins = 0 }, [source, edges, counts]) => {
  if (!source || !edges || !counts) return;
  const from = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const edge = new DataView(edges.buffer, edges.byteOffset, edges.byteLength);
  const out = new DataView(counts.buffer, counts.byteOffset, counts.byteLength);
  const limits = Array.from({ length: bins + 1 }, (_, b) => edge.getFloat32(b * 4, true));
  for (let i = 0; i < count; i++) {
    const x = from.getFloat32(i * 4, true);
    let bin = bins;
    if (!Number.isFinite(x)) bin = bins + 2;
    else if (x > (limits[bins] ?? 0)) bin = bins + 1;
    else if (x >= (limits[0] ?? 0)) {
      bin = 0;
      while (bin + 1 < bins && x >= (limits[bin + 1] ?? 0)) bin += 1;
    }
    out.setUint32(bin * 4, out.getUint32(bin * 4, true) + 1, true);
  }
};
