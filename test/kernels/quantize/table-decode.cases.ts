// Cases of quantize/table-decode: every code under every kind of absmax, ragged ends, many workgroups.
import { tableDecodeReference } from "../../../src/kernels/quantize/table-decode.ref.ts";
import { tableDecodeCall, tableDecodeSpec } from "../../../src/kernels/quantize/table-decode.ts";
import type { TableName } from "../../../src/kernels/quantize/tables.ts";
import { anyBits, bytesOf, oddBits, padded, weights } from "../../support/float-data.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

function decodeCase(
  name: string,
  table: TableName,
  count: number,
  blockSize: number,
  scales: (blocks: number) => Float32Array,
  wg = 64,
): KernelCase {
  const codes = Uint8Array.from({ length: Math.ceil(count / 2) }, (_, i) => (i * 0x53) & 0xff);
  return {
    name: `${table}, blocks of ${blockSize}: ${name}`,
    call: tableDecodeCall(table, count, blockSize, { wg }),
    buffers: [padded(codes), bytesOf(scales(Math.ceil(count / blockSize))), count * 4],
  };
}

const positive = (blocks: number): Float32Array => weights(blocks).map(Math.abs);
const odd = (blocks: number): Float32Array =>
  new Float32Array(Uint32Array.from({ length: blocks }, (_, i) => oddBits[i % oddBits.length] ?? 0).buffer);
const tables: readonly TableName[] = ["nf4", "fp4"];

function casesOf(table: TableName): KernelCase[] {
  return [
    ...[1, 2, 7, 8, 9, 513].map((count) => decodeCase(`${count} elements`, table, count, 64, positive)),
    decodeCase("odd absmax values", table, 16 * oddBits.length, 16, odd),
    decodeCase("any absmax", table, 64 * 999 + 5, 64, anyBits),
    decodeCase("large blocks", table, 4096 * 3 + 1, 4096, positive),
    decodeCase("more than 65,535 workgroups", table, 65_536 * 8 + 3, 32, positive, 1),
  ];
}

export const room: KernelRoom = {
  spec: tableDecodeSpec,
  reference: tableDecodeReference,
  cases: tables.flatMap(casesOf),
};
