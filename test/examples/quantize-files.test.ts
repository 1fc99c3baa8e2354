// Which of the files that a reader gives to the page is the model, and what a file is that is none.
import { describe, expect, it } from "vitest";
import {
  completed,
  completes,
  findModel,
  outputNameOf,
  withSiblings,
  type GivenFile,
} from "../../examples/quantize/files.ts";
import { recognize } from "../../examples/quantize/foreign.ts";

const file = (path: string): GivenFile => ({ path, blob: new Blob([path]) });
const paths = (files: readonly GivenFile[]): string[] => files.map(({ path }) => path);

const latin = (text: string): Blob => new Blob([Uint8Array.from(text, (letter) => letter.charCodeAt(0))]);

describe("files given to the page", () => {
  it("have one model, with the rest of its folder beside it", () => {
    const given = ["m/onnx/model.onnx", "m/onnx/model.onnx_data", "m/onnx/w/a.bin", "m/config.json"].map(file);
    const found = findModel(given);
    if (found.kind !== "model") throw new Error(found.kind);
    expect(found.main.path).toBe("m/onnx/model.onnx");
    expect(paths(found.siblings)).toEqual(["model.onnx_data", "w/a.bin"]);
  });

  it("are an index with its shards, which are no models of their own", () => {
    const shards = ["m/model-00001-of-00002.safetensors", "m/model-00002-of-00002.safetensors"];
    const found = findModel([...shards, "m/model.safetensors.index.json", "m/config.json"].map(file));
    expect(found).toMatchObject({ kind: "model", main: { path: "m/model.safetensors.index.json" } });
  });

  it("are a question where several could be meant, and none where nothing is", () => {
    const given = ["b.onnx", "a.onnx", "c.safetensors", "readme.md"].map(file);
    const found = findModel(given);
    expect(found.kind === "several" ? paths(found.candidates) : found).toEqual(["a.onnx", "b.onnx", "c.safetensors"]);
    expect(paths(withSiblings(file("b.onnx"), given).siblings)).toEqual(["a.onnx", "c.safetensors", "readme.md"]);
    expect(findModel(["a.txt", "b.txt"].map(file)).kind).toBe("none");
    expect(findModel([file("weights.bin")])).toMatchObject({ kind: "model", main: { path: "weights.bin" } });
  });

  it("complete a model by the name of what it lacks, wherever that lies", () => {
    expect(completes([file("x.data")], "w/x.data")).toBe(true);
    expect(completes([file("y.data")], "w/x.data")).toBe(false);
    expect(completes([file("x.data"), file("other.onnx")], "x.data")).toBe(false);
    const model = { main: file("m.onnx"), siblings: [file("w/x.data"), file("z")] };
    expect(paths(completed(model, [file("x.data")], "w/x.data").siblings)).toEqual(["z", "w/x.data"]);
  });

  it.each([
    ["model.onnx", "model_int4.onnx"],
    ["a.b.safetensors", "a.b_int4.safetensors"],
    ["model.safetensors.index.json", "model_int4.safetensors"],
    ["weights", "weights_int4"],
  ])("%s is written as %s", (name, written) => {
    expect(outputNameOf(name, "int4")).toBe(written);
  });
});

describe("files that are no models", () => {
  it.each([
    ["PK\u0003\u0004rest", /PyTorch/],
    ["version https://git-lfs.github.com/spec/v1\n", /Git LFS pointer/],
    ["\u0089HDF\r\n\u001a\n", /Keras/],
    ["\u001c\0\0\0TFL3", /TensorFlow Lite/],
    ["GGUF\u0003", /GGUF/],
    ["<!doctype html>", /web page/],
  ])("%j is recognized", async (start, is) => {
    const found = await recognize(latin(start));
    expect(found?.is).toMatch(is);
    expect(found?.hint).toMatch(/\.$/);
  });

  it("is not taken for one of them where it may be a model", async () => {
    expect(await recognize(latin("\u0008\u0007\u0012\u0004"))).toBeUndefined();
    expect(await recognize(new Blob([]))).toBeUndefined();
  });
});
