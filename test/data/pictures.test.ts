import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCanvas } from "@napi-rs/canvas";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AbortedError, FormatError, IoError, UnsupportedError, UsageError } from "../../src/base/errors.ts";
import { fromArrays } from "../../src/data/arrays.ts";
import { batches } from "../../src/data/dataset.ts";
import { imageFolder, type DecodeImage, type ImageFile } from "../../src/data/image-folder.ts";
import { canvasDecoder, imageFiles } from "../../src/data/node-images.ts";
import { pictureSize } from "../../src/data/picture-size.ts";
import { preparePicture, withPictures } from "../../src/data/pictures.ts";
import { centerCrop, resize, type Picture } from "../../src/data/resize.ts";
import { labelsOf, split } from "../../src/data/subsets.ts";

const gray = (height: number, width: number, data: readonly number[]): Picture => ({
  height,
  width,
  channels: 1,
  data,
});

describe("resize", () => {
  test("by hand: halves are means of what the filter covers, doubles lie between", () => {
    // Twice as small: a triangle of radius 2 around each centre, weights 1/8 3/8 3/8 1/8 inside, cut at the edges.
    const half = resize(gray(1, 4, [0, 8, 16, 24]), 1, 2).data;
    expect(half[0]).toBeCloseTo((3 * 8 + 16) / 7, 12);
    expect(half[1]).toBeCloseTo((8 + 3 * 16 + 3 * 24) / 7, 12);
    // Twice as large: centres at quarters.
    expect(Array.from(resize(gray(1, 2, [0, 8]), 1, 4).data)).toEqual([0, 2, 6, 8]);
    expect(Array.from(resize(gray(2, 1, [0, 8]), 4, 1).data)).toEqual([0, 2, 6, 8]);
    expect(Array.from(resize(gray(1, 4, [1, 2, 3, 4]), 1, 2, "nearest").data)).toEqual([2, 4]);
  });

  test("a flat picture stays flat, channels stay apart", () => {
    const data = Array.from({ length: 5 * 7 * 3 }, (_, index) => 10 * ((index % 3) + 1));
    for (const [height, width] of [
      [3, 3],
      [11, 2],
      [1, 1],
      [10, 14],
    ] as const) {
      const out = resize({ height: 5, width: 7, channels: 3, data }, height, width);
      expect(out.data).toHaveLength(height * width * 3);
      for (let index = 0; index < out.data.length; index++)
        expect(out.data[index]).toBeCloseTo(10 * ((index % 3) + 1), 10);
    }
  });

  test("cuts the middle, and refuses sizes that are none", () => {
    const picture = gray(3, 4, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(Array.from(centerCrop(picture, 1, 2).data)).toEqual([5, 6]);
    expect(centerCrop(picture, 3, 4)).toBe(picture);
    expect(() => centerCrop(picture, 4, 4)).toThrow(UsageError);
    expect(() => resize(picture, 0, 4)).toThrow(UsageError);
    expect(() => resize(picture, 2.5, 4)).toThrow(UsageError);
  });
});

describe("preparePicture", () => {
  const rgb: Picture = { height: 1, width: 2, channels: 3, data: [255, 0, 51, 0, 102, 255] };

  test("scale, mean, deviation, layout", () => {
    const { dims, data } = preparePicture(rgb, { mean: [0.5, 0, 0], std: [0.5, 1, 2] });
    expect(dims).toEqual([3, 1, 2]);
    expect(Array.from(data, (value) => Number(value.toFixed(6)))).toEqual([1, -1, 0, 0.4, 0.1, 0.5]);
    const last = preparePicture(rgb, { layout: "NHWC", scale: 1 });
    expect([last.dims, [...last.data]]).toEqual([
      [1, 2, 3],
      [255, 0, 51, 0, 102, 255],
    ]);
  });

  test("colours", () => {
    expect([...preparePicture(rgb, { color: "bgr", scale: 1, layout: "NHWC" }).data]).toEqual([
      51, 0, 255, 255, 102, 0,
    ]);
    expect(preparePicture(rgb, { color: "gray", scale: 1 }).data[0]).toBeCloseTo(0.299 * 255 + 0.114 * 51, 4);
    expect(preparePicture(gray(1, 1, [9]), { color: "rgb", scale: 1 })).toMatchObject({
      dims: [3, 1, 1],
      data: Float32Array.of(9, 9, 9),
    });
  });

  test("the shorter side, then the middle", () => {
    const wide = gray(
      2,
      6,
      Array.from({ length: 12 }, () => 5),
    );
    expect(preparePicture(wide, { resize: { shorter: 4 } }).dims).toEqual([1, 4, 12]);
    expect(preparePicture(wide, { resize: { shorter: 4 }, crop: { height: 3, width: 3 } }).dims).toEqual([1, 3, 3]);
  });

  test("refuses what does not fit", () => {
    for (const options of [
      { mean: [1, 2] },
      { std: 0 },
      { std: [1, 0, 1] },
      { mean: Number.NaN },
      { crop: { height: 2, width: 2 } },
    ]) {
      expect(() => preparePicture(rgb, options)).toThrow(UsageError);
    }
    expect(() => preparePicture({ ...rgb, width: 3, channels: 2 }, { color: "rgb" })).toThrow(UsageError);
  });
});

const shades = Uint8Array.of(0, 51, 102, 153, 204, 255, 0, 51);
const of = (dims: readonly number[]) => fromArrays("p", [["x", { dtype: "u8", dims, data: shades }]]);

const readPictures = async (dims: readonly number[], axes?: "HW" | "HWC" | "CHW") => {
  const data = withPictures(of(dims), "x", { layout: "NCHW" }, axes);
  const tensor = (await data.read([0])).get("x");
  expect(tensor?.dims.slice(1)).toEqual(data.fields[0]?.dims);
  return [tensor?.dims, Array.from(tensor?.data ?? [], (value) => Number(value.toFixed(4)))];
};

describe("withPictures", () => {
  test("arrays of two and three axes", async () => {
    expect(await readPictures([2, 2, 2])).toEqual([
      [1, 1, 2, 2],
      [0, 0.2, 0.4, 0.6],
    ]);
    expect(await readPictures([1, 2, 2, 2])).toEqual([
      [1, 2, 2, 2],
      [0, 0.2, 0.4, 0.6, 0.8, 1, 0, 0.2],
    ]);
    expect(await readPictures([1, 2, 2, 2], "HWC")).toEqual([
      [1, 2, 2, 2],
      [0, 0.4, 0.8, 0, 0.2, 0.6, 1, 0.2],
    ]);
  });

  test("refuses fields that hold no pictures", () => {
    expect(() => withPictures(of([1, 8]), "x")).toThrow(UsageError);
    expect(() => withPictures(of([2, 2, 2]), "y")).toThrow(UsageError);
    expect(() => withPictures(of([2, 2, 2]), "x", {}, "CHW")).toThrow(UsageError);
    expect(() => withPictures(of([2, 2, 2]), "x", { mean: [1, 2, 3] })).toThrow(UsageError);
  });
});

/** Red of one shade, as PNG or JPEG. */
function encoded(
  width: number,
  height: number,
  red: number,
  type: "png" | "jpeg" | "webp" | "gif" = "png",
): Uint8Array {
  const canvas = createCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = `rgb(${red} 0 0)`;
  context.fillRect(0, 0, width, height);
  if (type === "png") return new Uint8Array(canvas.toBuffer("image/png"));
  if (type === "gif") return new Uint8Array(canvas.encodeSync("gif"));
  return new Uint8Array(type === "jpeg" ? canvas.toBuffer("image/jpeg") : canvas.toBuffer("image/webp"));
}

describe("pictureSize", () => {
  test.each(["png", "jpeg", "webp", "gif"] as const)("%s", (type) => {
    const bytes = encoded(300, 17, 9, type);
    expect(pictureSize(bytes)).toEqual({ width: 300, height: 17 });
    for (let length = 0; length < 40; length++) pictureSize(bytes.subarray(0, length));
  });

  test("BMP, and what is no picture", () => {
    const bmp = new Uint8Array(30);
    bmp.set([0x42, 0x4d]);
    new DataView(bmp.buffer).setInt32(18, 5, true);
    new DataView(bmp.buffer).setInt32(22, -4, true);
    expect(pictureSize(bmp)).toEqual({ width: 5, height: 4 });
    expect(pictureSize(new TextEncoder().encode("plain text, no picture at all"))).toBeUndefined();
    expect(pictureSize(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 0))).toBeUndefined();
  });
});

const file = (path: string, shade: number): ImageFile => ({ path, read: async () => Uint8Array.of(shade) });
const decodeImage: DecodeImage = async ([shade = 0]) => ({
  width: 2,
  height: 2,
  data: new Uint8Array(16).fill(shade),
});

describe("imageFolder", () => {
  const options = { decodeImage, resize: { height: 1, width: 1 }, scale: 1 };
  const files = [file("dog/b.png", 3), file("cat/z.png", 2), file("cat/a.png", 1)];

  test("one class a sub-folder, sorted, alpha dropped", async () => {
    const data = imageFolder(files, options);
    expect(data).toMatchObject({ size: 3, classNames: ["cat", "dog"], labelField: "label" });
    const batch = await data.read([0, 1, 2]);
    expect(batch.get("input")?.dims).toEqual([3, 3, 1, 1]);
    expect(Array.from(batch.get("input")?.data ?? [], (value) => Math.round(value))).toEqual([
      1, 1, 1, 2, 2, 2, 3, 3, 3,
    ]);
    expect([...(batch.get("label")?.data ?? [])]).toEqual([0, 0, 1]);
    const grayscale = imageFolder(files, { ...options, color: "gray", layout: "NHWC" });
    expect((await grayscale.read([1])).get("input")?.dims).toEqual([1, 1, 1, 1]);
  });

  test("labels are known without decoding, in splits too", async () => {
    const many = Array.from({ length: 20 }, (_, index) => file(`${index % 2 === 0 ? "a" : "b"}/${index}.png`, index));
    const data = imageFolder(many, { ...options, decodeImage: () => Promise.reject(new Error("decoded")) });
    const { test: held } = await split(data, { train: 0.8, test: 0.2 });
    expect([...(await labelsOf(held))].toSorted((a, b) => a - b)).toEqual([0, 0, 1, 1]);
  });

  test("without sub-folders there are no labels; given classes keep their numbers", async () => {
    const flat = imageFolder([file("a.png", 1)], options);
    expect(flat.fields.map((field) => field.name)).toEqual(["input"]);
    expect([...(await flat.read([0])).keys()]).toEqual(["input"]);
    expect([...(await labelsOf(imageFolder(files, { ...options, classNames: ["bird", "dog", "cat"] })))]).toEqual([
      2, 2, 1,
    ]);
  });

  test("refuses folders that are none", () => {
    expect(() => imageFolder([], options)).toThrow(UsageError);
    expect(() => imageFolder([...files, file("stray.png", 1)], options)).toThrow(/"stray\.png" lies in no class/);
    expect(() => imageFolder(files, { ...options, classNames: ["cat"] })).toThrow(/"dog" is none of the classes/);
    expect(() => imageFolder(files, { decodeImage })).toThrow(/no size/);
    expect(() => imageFolder(files, { decodeImage, resize: { shorter: 4 } })).toThrow(/no size/);
  });

  test("names the picture that is broken or too large", async () => {
    const broken = imageFolder(files, { ...options, decodeImage: () => Promise.reject(new Error("bad")) });
    await expect(broken.read([0])).rejects.toThrow(/^cat\/a\.png: this picture can't be decoded/);
    const short = imageFolder(files, {
      ...options,
      decodeImage: async () => ({ width: 2, height: 2, data: new Uint8Array(3) }),
    });
    await expect(short.read([0])).rejects.toThrow(FormatError);
    await expect(imageFolder(files, { ...options, maxPixels: 3 }).read([0])).rejects.toThrow(
      /2 by 2 pixels, more than 3/,
    );
    // A claim of 2^31 by 2^31 pixels is refused before the decoder sees it.
    const claim = encoded(1, 1, 0);
    new DataView(claim.buffer).setUint32(16, 2 ** 31);
    new DataView(claim.buffer).setUint32(20, 2 ** 31);
    const bomb = imageFolder([{ path: "bomb.png", read: async () => claim }], {
      ...options,
      decodeImage: () => Promise.reject(new Error("decoded")),
    });
    await expect(bomb.read([0])).rejects.toThrow(/bomb\.png: the picture has 2147483648/);
  });
});

describe("a folder in Node", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wgslim-images-"));
    for (const name of ["red", "dark", ".hidden"]) await mkdir(join(folder, name));
    await writeFile(join(folder, "red", "1.png"), encoded(6, 4, 200));
    await writeFile(join(folder, "red", "2.JPG"), encoded(4, 6, 200, "jpeg"));
    await writeFile(join(folder, "dark", "1.webp"), encoded(5, 5, 20));
    await writeFile(join(folder, "dark", "notes.txt"), "no picture");
    await writeFile(join(folder, ".hidden", "3.png"), encoded(2, 2, 0));
    await symlink(join(folder, "red", "1.png"), join(folder, "dark", "link.png"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("lists, decodes and batches", async () => {
    const files = await imageFiles(folder);
    expect(files.map(({ path }) => path).toSorted()).toEqual(["dark/1.webp", "red/1.png", "red/2.JPG"]);
    const data = imageFolder(files, { decodeImage: await canvasDecoder(), crop: { height: 2, width: 2 } });
    const reds: number[] = [];
    for await (const batch of batches(data, { batchSize: 3 })) {
      const { data: values, dims } = batch.get("input") ?? { data: [], dims: [] };
      expect(dims).toEqual([3, 3, 2, 2]);
      for (let sample = 0; sample < 3; sample++) reds.push(Math.round((values[sample * 12] ?? 0) * 255));
    }
    expect(reds[0]).toBe(20);
    expect(Math.abs((reds[1] ?? 0) - 200)).toBe(0);
    expect(Math.abs((reds[2] ?? 0) - 200)).toBeLessThan(4);
  });

  test("what fails is typed", async () => {
    await expect(imageFiles(join(folder, "missing"))).rejects.toThrow(IoError);
    await expect(imageFiles(folder, { signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
    const [small] = await imageFiles(folder, { maxFileBytes: 10 });
    await expect(small?.read()).rejects.toThrow(FormatError);
    const [first] = await imageFiles(folder);
    await expect(first?.read(AbortSignal.abort())).rejects.toThrow(AbortedError);
    await expect(canvasDecoder(() => Promise.reject(new Error("not installed")))).rejects.toThrow(UnsupportedError);
    const broken = imageFolder([{ path: "b.png", read: async () => Uint8Array.of(1, 2, 3) }], {
      decodeImage: await canvasDecoder(),
      crop: { height: 1, width: 1 },
    });
    await expect(broken.read([0])).rejects.toThrow(/^b\.png: this picture can't be decoded/);
  });
});
