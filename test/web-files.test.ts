// Blobs run here as in a page; the private file system is played by a small stand-in with its semantics:
// writes show when the stream closes.
import { describe, expect, it } from "vitest";
import type { ByteSink } from "../src/base/bytes.ts";
import { UnsupportedError, UsageError } from "../src/base/errors.ts";
import { fromBlob } from "../src/formats/sources/blob.ts";
import { fromBytes, toMemory } from "../src/formats/sources/memory.ts";
import { toBlob, toOpfs } from "../src/web-files.ts";

const bytes = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content);
const textOf = async (blob: Blob | undefined): Promise<string | undefined> => blob && (await blob.text());

class FakeFile {
  content = new Uint8Array(0);
  name: string;
  readonly #folder: Map<string, FakeFile>;
  constructor(name: string, folder: Map<string, FakeFile>) {
    this.name = name;
    this.#folder = folder;
    folder.set(name, this);
  }
  async getFile() {
    return new File([this.content], this.name);
  }
  async move(name: string) {
    this.#folder.delete(this.name);
    this.name = name;
    this.#folder.set(name, this);
  }
  async createWritable() {
    let draft = this.content.slice();
    const resize = (size: number): void => {
      const next = new Uint8Array(size);
      next.set(draft.subarray(0, size));
      draft = next;
    };
    return {
      truncate: async (size: number) => resize(size),
      write: async ({ position, data }: { position: number; data: Uint8Array }) => {
        resize(Math.max(draft.length, position + data.length));
        draft.set(data, position);
      },
      close: async () => {
        this.content = draft;
      },
      abort: async () => undefined,
    };
  }
}

function fakeDirectory(): { files: Map<string, FakeFile>; directory: FileSystemDirectoryHandle } {
  const files = new Map<string, FakeFile>();
  const directory = {
    getFileHandle: async (name: string) => files.get(name) ?? new FakeFile(name, files),
    removeEntry: async (name: string) => void files.delete(name),
  };
  return { files, directory: directory as unknown as FileSystemDirectoryHandle };
}

async function fill(sink: ByteSink): Promise<void> {
  await sink.allocate(8);
  await sink.writeAt(4, bytes("efgh"));
  await sink.writeAt(0, bytes("abcd"));
  await sink.writeAt(3, bytes("DE"));
  await (await sink.sibling("side")).writeAt(2, bytes("xy"));
}

async function expectReadable(sink: ByteSink): Promise<void> {
  const source = await sink.asSource();
  expect(await source.read(0, 8)).toEqual(bytes("abcDEfgh"));
  const side = await source.sibling?.("side");
  expect(side && (await side.read(0, side.size))).toEqual(bytes("\0\0xy"));
  await expect(source.sibling?.("absent")).rejects.toMatchObject({ code: "IO" });
}

describe("toBlob and toMemory", () => {
  it("take writes in any order, also over each other, and are readable before commit", async () => {
    const blob = toBlob();
    await fill(blob);
    await expectReadable(blob);
    expect(() => blob.blob()).toThrow(UsageError);
    await blob.commit();
    await expectReadable(blob);
    expect(await textOf(blob.blob())).toBe("abcDEfgh");
    expect(await textOf(blob.siblings().get("side"))).toBe("\0\0xy");

    const memory = toMemory();
    await fill(memory);
    await expectReadable(memory);
    expect(() => memory.bytes()).toThrow(UsageError);
    await memory.commit();
    expect(memory.bytes()).toEqual(bytes("abcDEfgh"));
    expect(memory.siblings().get("side")).toEqual(bytes("\0\0xy"));
  });

  it("agree on any sequence of writes", async () => {
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 50; round++) {
      const [blob, memory] = [toBlob(), toMemory()];
      for (let i = 0; i < 12; i++) {
        const offset = random(60);
        const data = new Uint8Array(random(20)).fill(i + 1);
        for (const sink of [blob, memory]) await sink.writeAt(offset, data);
      }
      for (const sink of [blob, memory]) await sink.commit();
      expect(new Uint8Array(await blob.blob().arrayBuffer())).toEqual(memory.bytes());
    }
  });

  it("keep nothing after discard", async () => {
    const memory = toMemory();
    await fill(memory);
    await memory.discard();
    expect((await memory.asSource()).size).toBe(0);
  });
});

describe("toOpfs", () => {
  it("writes under another name and moves on commit, siblings first", async () => {
    const { files, directory } = fakeDirectory();
    const sink = await toOpfs("m.onnx", { directory });
    await fill(sink);
    expect(files.has("m.onnx")).toBe(false);
    await expectReadable(sink);
    await sink.writeAt(0, bytes("A"));
    await sink.commit();
    expect([...files.keys()].toSorted()).toEqual(["m.onnx", "side"]);
    expect(files.get("m.onnx")?.content).toEqual(bytes("AbcDEfgh"));
    expect(await (await sink.asSource()).read(0, 2)).toEqual(bytes("Ab"));
  });

  it("removes what it wrote on discard", async () => {
    const { files, directory } = fakeDirectory();
    const sink = await toOpfs("m.onnx", { directory });
    await fill(sink);
    await sink.discard();
    expect(files.size).toBe(0);
    await expect(sink.writeAt(0, bytes("A"))).rejects.toMatchObject({ code: "USAGE" });
  });

  it("says so where there is none", async () => {
    await expect(toOpfs("m.onnx")).rejects.toBeInstanceOf(UnsupportedError);
    await expect(toOpfs("a/b", { directory: fakeDirectory().directory })).rejects.toBeInstanceOf(UsageError);
  });
});

it("siblings of bytes and Blobs are those that were given", async () => {
  const fromMemory = fromBytes("m", bytes("m"), { siblings: { "d/w": bytes("weights") } });
  expect((await fromMemory.sibling?.("./d/w"))?.size).toBe(7);
  const picked = fromBlob(new Blob(["abc"]), "m", { siblings: { w: new Blob(["weights"]) } });
  expect(await (await picked.sibling?.("w"))?.read(1, 3)).toEqual(bytes("eig"));
  expect(await picked.read(1, 2)).toEqual(bytes("bc"));
  await expect(picked.sibling?.("x")).rejects.toMatchObject({ code: "IO" });
  await expect(picked.sibling?.("../w")).rejects.toMatchObject({ code: "FORMAT" });
  await expect(picked.read(2, 2)).rejects.toMatchObject({ code: "FORMAT" });
});
