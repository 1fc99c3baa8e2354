// Reference of nn/scatter: update by update.
import type { KernelReference } from "../kernel.ts";

type Combine = (old: number, update: number) => number;

const combines: readonly Combine[] = [(_, b) => b, (a, b) => a + b, (a, b) => a * b, Math.max, Math.min];

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const scatterReference: KernelReference = (params, [x, indices, updates, y]) => {
  if (!x || !indices || !updates || !y) return;
  const { count = 0, axis = 1, picks = 0, inner = 1, index_inner: width = 1, op = 0, kind = 0 } = params;
  y.set(x.subarray(0, 4 * count));
  const [given, more, target] = [view(indices), view(updates), view(y)];
  const get = (from: DataView, at: number): number =>
    kind === 0
      ? from.getFloat32(4 * at, true)
      : kind === 1
        ? from.getInt32(4 * at, true)
        : from.getUint32(4 * at, true);
  const put = (at: number, value: number): void => {
    if (kind === 0) target.setFloat32(4 * at, value, true);
    else target.setUint32(4 * at, value >>> 0, true);
  };
  const combine = combines[op] ?? Math.min;
  const product: Combine = kind === 0 ? combine : Math.imul;
  const outer = count / Math.max(1, axis * inner);
  for (let pick = 0; pick < outer * picks; pick++) {
    for (let i = 0; i < inner; i++) {
      const index = given.getInt32(4 * (pick * width + (i % width)), true);
      const place = index < 0 ? index + axis : index;
      if (place < 0 || place >= axis) continue;
      const at = (Math.floor(pick / picks) * axis + place) * inner + i;
      put(at, (op === 2 ? product : combine)(get(target, at), get(more, pick * inner + i)));
    }
  }
};
