// Reference of nn/top-k: by sorting each line.
import type { KernelReference } from "../kernel.ts";

export const topKReference: KernelReference = (params, [x, values, places]) => {
  if (!x || !values || !places) return;
  const { count = 0, axis = 1, inner = 1, k = 0, smallest = 0, kind = 0 } = params;
  const from = new DataView(x.buffer, x.byteOffset, x.byteLength);
  const [found, found_at] = [values, places].map((to) => new DataView(to.buffer, to.byteOffset, to.byteLength));
  const read = (at: number): number => {
    if (kind !== 0) return kind === 1 ? from.getInt32(4 * at, true) : from.getUint32(4 * at, true);
    const value = from.getFloat32(4 * at, true);
    return Number.isNaN(value) ? Number.MAX_VALUE : Math.min(value, 2 ** 200);
  };
  for (let line = 0; line < count / axis; line++) {
    const base = Math.floor(line / inner) * axis * inner + (line % inner);
    const order = Array.from({ length: axis }, (_, place) => ({ place, value: read(base + place * inner) }));
    order.sort((a, b) => (a.value === b.value ? a.place - b.place : a.value < b.value === (smallest === 1) ? -1 : 1));
    for (const [rank, { place }] of order.slice(0, k).entries()) {
      const to = 4 * ((Math.floor(line / inner) * k + rank) * inner + (line % inner));
      found?.setUint32(to, from.getUint32(4 * (base + place * inner), true), true);
      found_at?.setInt32(to, place, true);
    }
  }
};
