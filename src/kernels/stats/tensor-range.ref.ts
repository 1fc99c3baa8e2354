// Reference of stats/tensor-range: the definitions of range-fold.ts, summed in f64 per segment.
import type { KernelReference } from "../kernel.ts";
import { rangeRecordBytes } from "./range-fold.ts";
import { segmentOf } from "./segments.ts";

const largest = 3.4028234663852886e38;
const below = (a: number, b: number): boolean => a < b || (Object.is(a, -0) && Object.is(b, 0));

export const tensorRangeReference: KernelReference = (params, [source, records]) => {
  if (!source || !records) return;
  const { count = 0, segments = 0, quads_per_thread: quads = 1 } = params;
  const from = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const out = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const all = Array.from({ length: segments }, () => ({
    floats: { min: largest, max: -largest, sum: 0, squares: 0 },
    counts: { nonFinite: 0, first: 0xffffffff, zeros: 0, count: 0 },
  }));
  for (let i = 0; i < count; i++) {
    const segment = all[segmentOf(i, quads)];
    if (!segment) continue;
    const { floats, counts } = segment;
    const x = from.getFloat32(i * 4, true);
    counts.count += 1;
    if (!Number.isFinite(x)) {
      counts.nonFinite += 1;
      counts.first = Math.min(counts.first, i);
      continue;
    }
    if (below(x, floats.min)) floats.min = x;
    if (below(floats.max, x)) floats.max = x;
    floats.sum += x;
    floats.squares += x * x;
    if (x === 0) counts.zeros += 1;
  }
  for (const [segment, { floats, counts }] of all.entries()) {
    const base = segment * rangeRecordBytes;
    for (const [word, value] of Object.values(floats).entries()) out.setFloat32(base + word * 4, value, true);
    for (const [word, value] of Object.values(counts).entries()) out.setUint32(base + 16 + word * 4, value, true);
  }
};
