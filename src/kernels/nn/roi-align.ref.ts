// Reference of nn/roi-align: sample by sample, in doubles.
import type { KernelReference } from "../kernel.ts";
import { asF32 } from "../quantize/shape.ts";

/** Weighed neighbours of a place along one side; none outside. */
function neighboursOf(at: number, side: number): (readonly [number, number])[] {
  if (!(at >= -1 && at <= side)) return [];
  const place = Math.min(Math.max(at, 0), side - 1);
  const low = Math.floor(place);
  return [
    [low, 1 - (place - low)],
    [Math.min(low + 1, side - 1), place - low],
  ];
}

export const roiAlignReference: KernelReference = (params, [x, rois, entries, y]) => {
  if (!x || !rois || !entries || !y) return;
  const { count = 0, batch = 0, channels = 1, height = 1, width = 1, rows = 1, columns = 1 } = params;
  const { samples = 0, scale = 1, shift = 0, op = 0 } = params;
  const [from, corners, to] = [asF32(x), asF32(rois), asF32(y)];
  const places = new Int32Array(entries.buffer, entries.byteOffset, entries.length / 4);

  /** Places of the samples of one bin along one side. */
  const samplesOf = (region: number, side: 0 | 1, bins: number, bin: number): number[] => {
    const start = (corners[4 * region + side] ?? 0) * scale - shift;
    const extent = (corners[4 * region + 2 + side] ?? 0) * scale - shift - start;
    const length = (shift === 0 ? Math.max(extent, 1) : extent) / bins;
    const taken = samples || Math.min(Math.max(Math.ceil(length), 0), 1024);
    return Array.from({ length: taken }, (_, i) => start + bin * length + ((i + 0.5) * length) / taken);
  };

  for (let item = 0; item < count; item++) {
    const plane = Math.floor(item / (rows * columns));
    const region = Math.floor(plane / channels);
    const entry = places[region] ?? -1;
    to[item] = 0;
    if (entry < 0 || entry >= batch) continue;
    const base = (entry * channels + (plane % channels)) * height;
    const values = samplesOf(region, 1, rows, Math.floor(item / columns) % rows).flatMap((v) =>
      samplesOf(region, 0, columns, item % columns).map((h) =>
        neighboursOf(v, height).flatMap(([row, wv]) =>
          neighboursOf(h, width).map(([column, wh]) => wv * wh * (from[(base + row) * width + column] ?? 0)),
        ),
      ),
    );
    if (values.length === 0) continue;
    const sum = values.flat().reduce((all, value) => all + value, 0);
    const most = Math.max(...values.map((terms) => (terms.length > 0 ? Math.max(...terms) : 0)));
    to[item] = op === 1 ? most : sum / values.length;
  }
};
