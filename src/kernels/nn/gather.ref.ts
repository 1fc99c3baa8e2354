// Reference of nn/gather.
import type { KernelReference } from "../kernel.ts";

export const gatherReference: KernelReference = ({ count = 0, axis = 1, picks = 1, inner = 1 }, [x, indices, y]) => {
  if (!x || !indices || !y) return;
  const given = new DataView(indices.buffer, indices.byteOffset, indices.byteLength);
  for (let row = 0; row < count / inner; row++) {
    const wanted = given.getInt32(4 * (row % picks), true);
    const index = wanted < 0 ? wanted + axis : wanted;
    const target = y.subarray(4 * row * inner, 4 * (row + 1) * inner);
    const from = 4 * (Math.floor(row / picks) * axis + index) * inner;
    if (index < 0 || index >= axis) target.fill(0);
    else target.set(x.subarray(from, from + 4 * inner));
  }
};
