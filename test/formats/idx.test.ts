import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FormatError, UnsupportedError, WgslimError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { readIdx, readIdxFile } from "../../src/formats/idx.ts";

const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60);

describe("readIdx", () => {
  test("reads pictures, and big-endian elements of other types", () => {
    expect(readIdx(images)).toEqual({ dtype: "u8", dims: [2, 1, 3], data: Uint8Array.of(10, 20, 30, 40, 50, 60) });
    expect(readIdx(Uint8Array.of(0, 0, 0x0b, 1, 0, 0, 0, 2, 1, 0, 0xff, 0xfe))).toEqual({
      dtype: "i16",
      dims: [2],
      data: Int16Array.of(256, -2),
    });
    expect(readIdx(Uint8Array.of(0, 0, 0x0d, 1, 0, 0, 0, 1, 0x3f, 0x80, 0, 0)).data).toEqual(Float32Array.of(1));
  });

  test("unpacks gzip", async () => {
    expect(await readIdxFile(new Uint8Array(gzipSync(images)))).toEqual(readIdx(images));
    expect(await readIdxFile(images)).toEqual(readIdx(images));
    const bomb = new Uint8Array(gzipSync(new Uint8Array(2 ** 24)));
    await expect(readIdxFile(bomb, "bomb.gz", 2 ** 20)).rejects.toThrow(FormatError);
  });

  test.each([
    ["nothing", new Uint8Array()],
    ["another magic", Uint8Array.of(1, 0, 8, 1, 0, 0, 0, 0)],
    ["a cut off header", images.subarray(0, 14)],
    ["missing elements", images.subarray(0, -1)],
    ["bytes after the elements", Uint8Array.of(...images, 0)],
    ["a huge claim", Uint8Array.of(0, 0, 8, 4, ...new Uint8Array(16).fill(255), 1, 2)],
    ["255 axes", Uint8Array.of(0, 0, 8, 255, ...new Uint8Array(1020).fill(255))],
  ])("refuses %s", (_, bytes) => {
    expect(() => readIdx(bytes, "t.idx")).toThrow(FormatError);
    expect(() => readIdx(bytes, "t.idx")).toThrow(/^t\.idx: /);
  });

  test("names an unknown element type", () => {
    expect(() => readIdx(Uint8Array.of(0, 0, 7, 0, 1))).toThrow(UnsupportedError);
  });

  test("damaged files end in a typed error or an array that fits the file", async () => {
    const random = seededRandom(5, "idx");
    const packed = new Uint8Array(gzipSync(images));
    for (let round = 0; round < 400; round++) {
      const bytes = (round % 2 === 0 ? images : packed).slice();
      for (let edit = random.int(1, 4); edit > 0; edit--) bytes[random.int(0, bytes.length)] = random.int(0, 256);
      try {
        expect((await readIdxFile(bytes)).data.byteLength).toBeLessThanOrEqual(64);
      } catch (error) {
        expect(error).toBeInstanceOf(WgslimError);
      }
    }
  });
});
