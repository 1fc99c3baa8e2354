// Reference of nn/cumulative-sum: each sum by itself.
import type { KernelReference } from "../kernel.ts";

export const cumulativeSumReference: KernelReference = (params, [x, y]) => {
  if (!x || !y) return;
  const { outer = 1, axis = 1, inner = 1, exclusive = 0, reverse = 0, kind = 0 } = params;
  const from = new DataView(x.buffer, x.byteOffset, x.byteLength);
  const to = new DataView(y.buffer, y.byteOffset, y.byteLength);
  for (let line = 0; line < outer * inner; line++) {
    const base = Math.floor(line / inner) * axis * inner + (line % inner);
    for (let k = 0; k < axis; k++) {
      let sum = 0;
      const [first, last] = reverse ? [k + exclusive, axis - 1] : [0, k - exclusive];
      for (let n = first; n <= last; n++) {
        const at = 4 * (base + n * inner);
        sum += kind === 0 ? from.getFloat32(at, true) : from.getInt32(at, true);
      }
      if (kind === 0) to.setFloat32(4 * (base + k * inner), sum, true);
      else to.setInt32(4 * (base + k * inner), sum | 0, true);
    }
  }
};
