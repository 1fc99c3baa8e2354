// Cases of quantize/pack-zero-points: widths, rows that end inside a byte, signed values, many workgroups.
import type { CodeLayout, Geometry } from "../../../src/kernels/quantize/geometry.ts";
import { groupCount } from "../../../src/kernels/quantize/geometry.ts";
import { packZeroPointsReference } from "../../../src/kernels/quantize/pack-zero-points.ref.ts";
import {
  packZeroPointsCall,
  packZeroPointsSpec,
  zeroPointBytes,
} from "../../../src/kernels/quantize/pack-zero-points.ts";
import type { KernelCase, KernelRoom } from "../../support/kernel-harness.ts";
import { oneThreadEach, wordsFor } from "./float-fixtures.ts";

function packCase(geometry: Geometry, layout: CodeLayout, bits: number, name: string) {
  const zeros = Int32Array.from({ length: groupCount(geometry) }, (_, i) => ((i * 7) % 2 ** bits) - 2 ** (bits - 1));
  return {
    name: `${name}, ${layout}, ${bits} bits`,
    call: packZeroPointsCall(geometry, layout, bits),
    buffers: [new Uint8Array(zeros.buffer), wordsFor(zeroPointBytes(geometry, layout, bits))],
  };
}

const rows = (outer: number, blocks: number): Geometry => ({
  kind: "blocked",
  outer,
  dim: blocks * 16,
  inner: 1,
  blockSize: 16,
});
const channels: Geometry = { kind: "wide", outer: 2, channels: 37, inner: 5 };

const cases: KernelCase[] = [2, 4, 8].flatMap((bits) => [
  packCase(rows(1, 1), "rows", bits, "one"),
  packCase(rows(7, 3), "rows", bits, "rows of 3"),
  packCase(rows(7, 3), "natural", bits, "rows of 3"),
  packCase(rows(300, 5), "rows", bits, "rows of 5"),
  packCase(rows(9, 8), "rows", bits, "rows of 8"),
  packCase(channels, "natural", bits, "channels"),
]);

export const room: KernelRoom = {
  spec: packZeroPointsSpec,
  reference: packZeroPointsReference,
  cases: [...cases, oneThreadEach(packCase(rows(65_540, 4), "rows", 8, "many"), 65_540)],
};
