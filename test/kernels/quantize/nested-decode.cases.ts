// Cases of quantize/nested-decode: all codes; offsets and scales for which one rounding differs from two.
import { nestedDecodeReference } from "../../../src/kernels/quantize/nested-decode.ref.ts";
import { nestedDecodeCall, nestedDecodeSpec } from "../../../src/kernels/quantize/nested-decode.ts";
import { dynamicMap } from "../../../src/kernels/quantize/tables.ts";
import { bytesOf, oddBits, padded, weights } from "../../support/float-data.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

const map = bytesOf(dynamicMap());

function decodeCase(name: string, count: number, nested: Float32Array, offset: number, wg = 64): KernelCase {
  const codes = Uint8Array.from({ length: count }, (_, i) => (i * 77) & 0xff);
  const blockSize = Math.ceil(count / nested.length / 4) * 4;
  return {
    name,
    call: nestedDecodeCall(count, blockSize, { wg }),
    buffers: [padded(codes), bytesOf(nested), map, bytesOf(Float32Array.of(offset)), count * 4],
  };
}

const odd = new Float32Array(Uint32Array.from(oddBits.filter((bits) => (bits & 0x7f800000) !== 0x7f800000)).buffer);

export const room: KernelRoom = {
  spec: nestedDecodeSpec,
  reference: nestedDecodeReference,
  cases: [
    ...[1, 2, 3, 4, 5, 1001].map((count) => decodeCase(`${count} values`, count, Float32Array.of(0.3), 0.1)),
    decodeCase("many scales", 256 * 400 + 7, weights(401), 0.1),
    decodeCase("odd scales", 256 * odd.length, odd, 1e-20),
    decodeCase("no offset", 5000, weights(20), 0),
    decodeCase("more than 65,535 workgroups", 65_536 * 4 + 3, weights(1025), 0.1, 1),
  ],
};
