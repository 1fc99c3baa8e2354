// Reading runs of a tensor: contiguous, dense, short and sparse ones give the same bytes as picking them one by
// one, and sparse ones read nothing else.
import { describe, expect, it } from "vitest";
import type { ByteSource } from "../../src/base/bytes.ts";
import { readRows } from "../../src/compress/read-rows.ts";
import type { OnnxTensor } from "../../src/formats/onnx/ir.ts";
import type { ReadRef } from "../../src/plan/types.ts";

const start = 40;

function sourceOf(size: number, reuses: boolean): ByteSource & { bytesRead: number } {
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 2_654_435_761) >>> 24);
  return {
    name: "memory",
    size,
    bytesRead: 0,
    async read(offset, length) {
      this.bytesRead += length;
      return bytes.slice(offset, offset + length);
    },
    ...(reuses
      ? {
          async readInto(offset: number, into: Uint8Array) {
            this.bytesRead += into.length;
            into.set(bytes.subarray(offset, offset + into.length));
          },
        }
      : {}),
  } as ByteSource & { bytesRead: number };
}

const shapes: readonly (readonly [name: string, rowBytes: number, rows: number, rowStride: number])[] = [
  ["one run longer than a window", 9_000_000, 1, 0],
  ["runs end to end", 1000, 33, 1000],
  ["runs with small gaps", 90_000, 70, 100_000],
  ["short runs", 64, 1000, 1024],
  ["short runs far apart", 64, 50, 100_000],
  ["long runs far apart", 5000, 41, 100_000],
];

describe("readRows", () => {
  for (const reuses of [true, false]) {
    it.each(shapes)(
      `reads %s ${reuses ? "into a window" : "as the source gives them"}`,
      async (_, rowBytes, rows, rowStride) => {
        const size = start + 8 + (rows - 1) * rowStride + rowBytes;
        const source = sourceOf(size, reuses);
        const tensor: OnnxTensor = {
          name: "w",
          dataType: 1,
          dims: [(size - start) / 4],
          data: { kind: "range", range: { source, offset: start, length: size - start } },
        };
        const ref: ReadRef = { kind: "read", source: "w", offset: 8, rowBytes, rows, rowStride };
        const got = new Uint8Array(rowBytes * rows);
        await readRows(tensor, ref, got);
        const isSparse = rowBytes / rowStride < 0.5 && rowBytes > 2048;
        if (isSparse || rows === 1) expect(source.bytesRead).toBe(rowBytes * rows);
        const all = await source.read(0, size);
        const want = new Uint8Array(rowBytes * rows);
        for (let row = 0; row < rows; row++) {
          const from = start + 8 + row * rowStride;
          want.set(all.subarray(from, from + rowBytes), row * rowBytes);
        }
        expect(Buffer.compare(got, want)).toBe(0);
      },
    );
  }
});
