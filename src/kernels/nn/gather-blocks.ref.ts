// Reference of nn/gather-blocks.
import type { KernelReference } from "../kernel.ts";
import { asF32, getCode } from "../quantize/shape.ts";

export const gatherBlocksReference: KernelReference = (params, [codes, indexBytes, scaleBytes, zeroPoints, out]) => {
  if (!codes || !indexBytes || !zeroPoints) return;
  const [scales, y] = [asF32(scaleBytes), asF32(out)];
  const indices = new Int32Array(indexBytes.buffer, indexBytes.byteOffset, indexBytes.byteLength / 4);
  const { count = 0, axis = 1, picks = 1, inner = 1, dim = 1, dim_inner: dimInner = 1 } = params;
  const { block = 1, blocks = 1, zero_row: zeroRow = 1, zero = 0, bits = 4 } = params;
  const codeAt = (bytes: Uint8Array, place: number): number => {
    const code = getCode(bytes, place, bits);
    return params["is_signed"] && code >= 2 ** (bits - 1) ? code - 2 ** bits : code;
  };
  for (let at = 0; at < count; at++) {
    const row = Math.floor(at / inner);
    const given = indices[row % picks] ?? 0;
    const index = given < 0 ? given + axis : given;
    if (index < 0 || index >= axis) {
      y[at] = 0;
      continue;
    }
    const place = (Math.floor(row / picks) * axis + index) * inner + (at % inner);
    // Rows of blocks along the blocked axis, `dimInner` of them side by side.
    const line = Math.floor(place / (dim * dimInner));
    const along = Math.floor(place / dimInner) % dim;
    const group = (line * blocks + Math.floor(along / block)) * dimInner + (place % dimInner);
    const zeroPlace = Math.floor(group / blocks) * zeroRow + (group % blocks);
    const center = params["packed_zeros"] ? codeAt(zeroPoints, zeroPlace) : zero;
    y[at] = (codeAt(codes, place) - center) * (scales[group] ?? 0);
  }
};
