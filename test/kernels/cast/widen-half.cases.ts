// Cases of cast/widen-half: every half of both types, odd counts, workgroup edges, many workgroups.
import { widenHalfReference } from "../../../src/kernels/cast/widen-half.ref.ts";
import { widenHalfCall, widenHalfSpec, type HalfType } from "../../../src/kernels/cast/widen-half.ts";
import { bytesOf, padded } from "../../support/float-data.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";

const allHalves = bytesOf(Uint16Array.from({ length: 65_536 }, (_, i) => i));

function widenCase(name: string, from: HalfType, count: number, wg = 64): KernelCase {
  const source = padded(allHalves.slice(0, count * 2));
  return { name: `${from}: ${name}`, call: widenHalfCall(from, count, { wg }), buffers: [source, count * 4] };
}

const manyHalves = (from: HalfType): KernelCase => {
  const count = 65_536 * 8 + 5;
  const source = bytesOf(Uint16Array.from({ length: count + 1 }, (_, i) => (i * 40_503) & 0xffff));
  return {
    name: `${from}: more than 65,535 workgroups`,
    call: widenHalfCall(from, count, { wg: 1 }),
    buffers: [source, count * 4],
  };
};

const types: readonly HalfType[] = ["f16", "bf16"];

function casesOf(from: HalfType): KernelCase[] {
  return [
    ...[1, 2, 3, 511, 512, 513].map((count) => widenCase(`${count} elements`, from, count)),
    widenCase("every bit pattern", from, 65_536),
    widenCase("another workgroup", from, 4_099, 32),
    manyHalves(from),
  ];
}

export const room: KernelRoom = {
  spec: widenHalfSpec,
  reference: widenHalfReference,
  cases: types.flatMap(casesOf),
};
