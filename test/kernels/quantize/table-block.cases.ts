// Cases of quantize/table-block: both tables, blocks of 16 to 4096, ragged ends, ties, odd values.
import { tableBlockReference } from "../../../src/kernels/quantize/table-block.ref.ts";
import { tableBlockCall, tableBlockSpec, tableBytes } from "../../../src/kernels/quantize/table-block.ts";
import { tableThresholds, tableValues, type TableName } from "../../../src/kernels/quantize/tables.ts";
import { bytesOf, contents, randomStream, weights } from "../../support/float-data.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

function tableCase(name: string, table: TableName, values: Float32Array, blockSize = 64, wg = 64): KernelCase {
  const { codes, absmax } = tableBytes(values.length, blockSize);
  return {
    name: `${table}, blocks of ${blockSize}: ${name}`,
    call: tableBlockCall(table, values.length, blockSize, { wg }),
    buffers: [bytesOf(values), Math.ceil(codes / 4) * 4, absmax],
  };
}

/** The f32 nearest to a value, and those with one bit less and more. */
function neighbours(value: number): number[] {
  const [bits = 0] = new Uint32Array(Float32Array.of(value).buffer);
  return Array.from(new Float32Array(Uint32Array.of(Math.max(bits - 1, 0), bits, bits + 1).buffer));
}

/**
 * Blocks of 64 whose elements lie on, just below and just above each threshold times the block's absmax, with
 * absmax values of few and of many mantissa bits, so that exact ties occur as well as near ones.
 */
function nearThresholds(table: TableName): Float32Array {
  const next = randomStream(11);
  const out: number[] = [];
  for (let block = 0; block < 200; block++) {
    const scale = block % 2 === 0 ? 2 ** (block / 10 - 10) : Math.fround((1 + next()) * 2 ** (block / 8 - 12));
    const around = [...tableThresholds[table], ...tableValues[table]].flatMap((t) => neighbours(t * scale));
    const start = (block * 13) % around.length;
    const cycled = Array.from({ length: 63 }, (_, i) => around[(start + i) % around.length] ?? 0);
    out.push(...cycled.map((x) => (Math.abs(x) <= scale ? x : 0)), scale);
  }
  return Float32Array.from(out);
}

const tables: readonly TableName[] = ["nf4", "fp4"];

function casesOf(table: TableName): KernelCase[] {
  return [
    ...[1, 2, 7, 8, 9, 63, 64, 65, 127, 4097].map((count) => tableCase(`${count} elements`, table, weights(count))),
    ...[16, 32, 128, 1024, 4096].map((size) => tableCase("a ragged end", table, weights(size * 5 + 11), size)),
    ...contents(1003).map(([name, values]) => tableCase(name, table, values)),
    tableCase("on and beside thresholds", table, nearThresholds(table)),
    tableCase("more than 65,535 workgroups", table, weights(65_536 * 16 + 5), 16, 1),
  ];
}

export const room: KernelRoom = {
  spec: tableBlockSpec,
  reference: tableBlockReference,
  cases: tables.flatMap(casesOf),
};
