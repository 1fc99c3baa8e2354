// Cases of util/copy-words: tails of 0 to 3 words, workgroup edges, more workgroups than one dimension holds.
import { copyWordsReference } from "../../../src/kernels/util/copy-words.ref.ts";
import { copyWordsCall, copyWordsSpec, copyWordsTilings } from "../../../src/kernels/util/copy-words.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

/** Words that differ everywhere, with NaNs, infinities and subnormals among them when read as f32. */
function words(count: number): Uint8Array {
  const out = new Uint32Array(Math.ceil(count / 4) * 4);
  for (let i = 0; i < out.length; i++) out[i] = Math.imul(i + 1, 0x9e3779b1);
  const odd = [0x7fc00001, 0xffa00000, 0x7f800000, 0x00000001, 0x80000000];
  out.set(odd.slice(0, out.length), Math.max(0, out.length - odd.length));
  return new Uint8Array(out.buffer);
}

function copyCase(name: string, count: number, overrides?: Parameters<typeof copyWordsCall>[1]): KernelCase {
  const source = words(count);
  return { name, call: copyWordsCall(count, overrides), buffers: [source, source.length] };
}

export const room: KernelRoom = {
  spec: copyWordsSpec,
  reference: copyWordsReference,
  cases: [
    ...[1, 2, 3, 4, 5, 7].map((count) => copyCase(`${count} words`, count)),
    ...[4093, 4096, 4097, 4099].map((count) => copyCase(`${count} words around a tile's edge`, count)),
    copyCase("many workgroups, ragged", 100_003),
    ...copyWordsTilings.map((tiling) => copyCase(`tiling ${Object.values(tiling).join("/")}`, 20_001, tiling)),
    copyCase("an odd tile, interleaved", 9_001, { wg: 32, per_thread: 7, interleaved: 1 }),
    copyCase("an odd tile of neighbours", 9_002, { wg: 33, per_thread: 5 }),
    copyCase("more than 65,535 workgroups", 65_536 * 4 + 6, { wg: 1, per_thread: 1 }),
  ],
};
