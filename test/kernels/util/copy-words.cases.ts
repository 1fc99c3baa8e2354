// Cases of util/copy-words: tails of 0 to 3 words, workgroup edges, more workgroups than one dimension holds.
import { copyWordsReference } from "../../../src/kernels/util/copy-words.ref.ts";
import { copyWordsCall, copyWordsSpec } from "../../../src/kernels/util/copy-words.ts";
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
    ...[1023, 1024, 1025, 1027].map((count) => copyCase(`${count} words around a workgroup's edge`, count)),
    copyCase("many workgroups, ragged", 100_003),
    copyCase("one vec4 a thread", 4_099, { wg: 64, per_thread: 1 }),
    copyCase("another tile", 9_001, { wg: 32, per_thread: 7 }),
    copyCase("more than 65,535 workgroups", 65_536 * 4 + 6, { wg: 1, per_thread: 1 }),
  ],
};
