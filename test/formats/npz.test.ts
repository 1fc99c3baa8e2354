import { gzipSync, deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FormatError, UnsupportedError, UsageError, WgslimError } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { deflate, inflate } from "../../src/formats/inflate.ts";
import type { NpyArray } from "../../src/formats/npy.ts";
import { readNpz, writeNpz } from "../../src/formats/npz.ts";
import { fromBytes } from "../../src/formats/sources/memory.ts";
import { readZipDirectory, readZipEntry } from "../../src/formats/zip.ts";
import { writeZip } from "../../src/formats/zip-write.ts";

// numpy.savez(f, x=arange(3, float32), y=[[1, 2]]), NumPy 2.4, and numpy.savez_compressed of the same. NumPy writes
// zip64 local headers.
const saved =
  "UEsDBC0AAAAAAAAAIQC2jIZT//////////8FABQAeC5ucHkBABAAjAAAAAAAAACMAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFu" +
  "X29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgzLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg" +
  "ICAKAAAAAAAAgD8AAABAUEsDBC0AAAAAAAAAIQDJvGjW//////////8FABQAeS5ucHkBABAAkAAAAAAAAACQAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzog" +
  "JzxpOCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgxLCAyKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg" +
  "ICAgICAgICAgICAgICAgICAKAQAAAAAAAAACAAAAAAAAAFBLAQItAy0AAAAAAAAAIQC2jIZTjAAAAIwAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLAQIt" +
  "Ay0AAAAAAAAAIQDJvGjWkAAAAJAAAAAFAAAAAAAAAAAAAACAAcMAAAB5Lm5weVBLBQYAAAAAAgACAGYAAACKAQAAAAA=";
const compressed =
  "UEsDBC0AAAAIAAAAIQC2jIZT//////////8FABQAeC5ucHkBABAAjAAAAAAAAABLAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSY" +
  "F59flJIKEndLzClOBYoXZyQWpAL5GsY6mjoKtQoUAC4GMGiwBxIOAFBLAwQtAAAACAAAACEAybxo1v//////////BQAUAHkubnB5AQAQAJAAAAAAAAAATAAA" +
  "AAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqGOgpGmjoKtQpkAy5GBghggtIAUEsBAi0DLQAA" +
  "AAgAAAAhALaMhlNLAAAAjAAAAAUAAAAAAAAAAAAAAIABAAAAAHgubnB5UEsBAi0DLQAAAAgAAAAhAMm8aNZMAAAAkAAAAAUAAAAAAAAAAAAAAIABggAAAHku" +
  "bnB5UEsFBgAAAAACAAIAZgAAAAUBAAAAAA==";
const contents: readonly [string, NpyArray][] = [
  ["x", { dtype: "f32", dims: [3], data: Float32Array.of(0, 1, 2) }],
  ["y", { dtype: "i64", dims: [1, 2], data: BigInt64Array.of(1n, 2n) }],
];

const source = (bytes: Uint8Array) => fromBytes("data.npz", bytes);
const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

/** Edits 32 bits, counted from the end where negative. */
function edited(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(at < 0 ? copy.length + at : at, value, true);
  return copy;
}

describe("inflate", () => {
  const content = new Uint8Array(seededRandom(3).uniforms(9000).map(Math.round).buffer);
  const limits = { name: "x.gz", maxBytes: content.length };

  test("gives what zlib packed, and deflate packs what it can read", async () => {
    expect(await inflate(new Uint8Array(gzipSync(content)), "gzip", limits)).toEqual(content);
    expect(await inflate(new Uint8Array(deflateRawSync(content)), "deflate-raw", limits)).toEqual(content);
    expect(await inflate(await deflate(content, "gzip"), "gzip", limits)).toEqual(content);
    expect(await inflate(await deflate(new Uint8Array(), "deflate-raw"), "deflate-raw", limits)).toEqual(
      new Uint8Array(),
    );
  });

  test("stops at the limit", async () => {
    const bomb = new Uint8Array(gzipSync(new Uint8Array(2 ** 26)));
    await expect(inflate(bomb, "gzip", { name: "bomb.gz", maxBytes: 2 ** 20 })).rejects.toThrow(
      /bomb\.gz: .* more than/,
    );
    const short = { name: "x", maxBytes: content.length - 1 };
    await expect(inflate(new Uint8Array(gzipSync(content)), "gzip", short)).rejects.toThrow(FormatError);
  });

  test.each([0, 1, 9, 10, 40, 400])("refuses a file cut off after %i bytes", async (length) => {
    const whole = new Uint8Array(gzipSync(content));
    await expect(inflate(whole.subarray(0, length), "gzip", limits)).rejects.toThrow(FormatError);
  });

  test("is stopped by a signal", async () => {
    const signal = AbortSignal.abort();
    await expect(inflate(new Uint8Array(gzipSync(content)), "gzip", { ...limits, signal })).rejects.toThrow(/aborted/);
  });
});

describe("readNpz", () => {
  test("reads NumPy's archives, stored and deflated", async () => {
    for (const text of [saved, compressed]) {
      expect([...(await readNpz(source(fromBase64(text))))]).toEqual(contents);
    }
  });

  test("reads chosen arrays, and says which is missing", async () => {
    expect([...(await readNpz(source(fromBase64(saved)), { only: ["y"] })).keys()]).toEqual(["y"]);
    await expect(readNpz(source(fromBase64(saved)), { only: ["z"] })).rejects.toThrow(
      /data\.npz: there is no array "z"/,
    );
  });

  test("bounds the arrays together", async () => {
    await expect(readNpz(source(fromBase64(saved)), { maxBytes: 283 })).rejects.toThrow(FormatError);
    expect((await readNpz(source(fromBase64(saved)), { maxBytes: 284 })).size).toBe(2);
  });

  test("names the entry whose array is malformed", async () => {
    const archive = await writeZip([["a.npy", new TextEncoder().encode("not an array at all")]]);
    await expect(readNpz(source(archive))).rejects.toThrow(/data\.npz: entry "a\.npy": this is no \.npy/);
  });

  const bytes = fromBase64(saved);
  const directory = 0x18a;
  test.each<[string, Uint8Array]>([
    ["an empty file", new Uint8Array()],
    ["a cut off file", bytes.subarray(0, -1)],
    ["a directory offset beyond the end", edited(bytes, -6, 500)],
    ["a directory of huge size", edited(bytes, -10, 0xfffffff0)],
    ["a count beyond the directory", edited(bytes, -14, 0x00090009)],
    ["another CRC", edited(bytes, directory + 16, 1)],
    ["a stored entry of two sizes", edited(bytes, directory + 24, 139)],
    ["an entry that passes the directory", edited(bytes, directory + 42, 390)],
    ["an entry over another", edited(bytes, directory + 51 + 42, 10)],
    ["an offset that is no header", edited(bytes, directory + 42, 1)],
    ["zip64 sizes that are missing", edited(bytes, directory + 24, 0xffffffff)],
    ["a hostile size of a deflated entry", edited(fromBase64(compressed), 0x105 + 24, 0x7fffffff)],
    ["a wrong size of a deflated entry", edited(fromBase64(compressed), 0x105 + 24, 141)],
  ])("refuses %s", async (_, broken) => {
    await expect(readNpz(source(broken))).rejects.toThrow(FormatError);
  });

  test("names as unsupported: encryption, other compressions, split archives", async () => {
    for (const [at, value] of [
      [directory + 8, 1],
      [directory + 10, 93],
      [-18, 1],
    ] as const) {
      await expect(readNpz(source(edited(bytes, at, value)))).rejects.toThrow(UnsupportedError);
    }
  });

  test("reads a zip64 directory", async () => {
    const plain = await writeZip([["big", Uint8Array.of(1, 2, 3)]]);
    const old = new DataView(plain.buffer);
    const [start, length] = [old.getUint32(plain.length - 6, true), old.getUint32(plain.length - 10, true)];
    const record = new DataView(new ArrayBuffer(56 + 20 + 22));
    record.setUint32(0, 0x06064b50, true);
    record.setBigUint64(4, 44n, true);
    record.setBigUint64(32, 1n, true);
    record.setBigUint64(40, BigInt(length), true);
    record.setBigUint64(48, BigInt(start), true);
    record.setUint32(56, 0x07064b50, true);
    record.setBigUint64(64, BigInt(start + length), true);
    record.setUint32(76, 0x06054b50, true);
    for (const at of [84, 86]) record.setUint16(at, 0xffff, true);
    for (const at of [88, 92]) record.setUint32(at, 0xffffffff, true);
    const wide = source(Uint8Array.of(...plain.subarray(0, start + length), ...new Uint8Array(record.buffer)));
    const [entry] = await readZipDirectory(wide);
    expect(entry).toMatchObject({ name: "big", bytes: 3, offset: 0 });
    if (entry) expect(await readZipEntry(wide, entry)).toEqual(Uint8Array.of(1, 2, 3));
  });

  test("damaged archives end in a typed error or arrays that fit them", async () => {
    const random = seededRandom(11, "npz");
    let refused = 0;
    for (let round = 0; round < 600; round++) {
      const broken = fromBase64(round % 2 === 0 ? saved : compressed);
      for (let edit = random.int(1, 4); edit > 0; edit--) broken[random.int(0, broken.length)] = random.int(0, 256);
      const cut = round % 5 === 0 ? broken.subarray(0, random.int(0, broken.length)) : broken;
      try {
        const arrays = await readNpz(source(cut));
        for (const { data } of arrays.values()) expect(data.byteLength).toBeLessThan(300);
      } catch (error) {
        if (!(error instanceof WgslimError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(200);
  });
});

describe("writeNpz", () => {
  test.each([false, true])("is read back (compress: %s), and is the same each time", async (compress) => {
    const archive = await writeNpz(contents, { compress });
    expect([...(await readNpz(source(archive)))]).toEqual(contents);
    expect(await writeNpz(contents, { compress })).toEqual(archive);
  });

  test("keeps names as they are, and refuses a name twice", async () => {
    const array: NpyArray = { dtype: "u8", dims: [], data: Uint8Array.of(7) };
    const names = ["__proto__", "层/weight", "x.npy"];
    const archive = await writeNpz(names.map((name) => [name, array] as const));
    expect([...(await readNpz(source(archive))).keys()]).toEqual(names);
    await expect(
      writeNpz([
        ["a", array],
        ["a", array],
      ]),
    ).rejects.toThrow(UsageError);
  });
});
