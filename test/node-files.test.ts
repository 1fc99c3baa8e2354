import {
  appendFile,
  link,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FormatError, IoError, UsageError } from "../src/base/errors.ts";
import { toIoError } from "../src/node-errors.ts";
import { fromFile, toFile } from "../src/node-files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wgslim-files-"));
});
afterEach(() => rm(folder, { recursive: true }));
const at = (...names: string[]): string => join(folder, ...names);
const text = async (path: string): Promise<string> => (await readFile(path)).toString();
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);

describe("fromFile", () => {
  it("reads at positions and refuses to read past the end", async () => {
    await writeFile(at("a"), "0123456789");
    const source = await fromFile(at("a"));
    expect(source.size).toBe(10);
    expect(await source.read(3, 4)).toEqual(bytes("3456"));
    expect(await source.read(10, 0)).toEqual(bytes(""));
    await expect(source.read(8, 3)).rejects.toBeInstanceOf(FormatError);
    await expect(source.read(-1, 1)).rejects.toBeInstanceOf(FormatError);
    await source.close?.();
  });

  it("notices a file that shrinks or changes while it is read", async () => {
    await writeFile(at("a"), "0123456789");
    const shrunk = await fromFile(at("a"));
    await truncate(at("a"), 5);
    await expect(shrunk.read(0, 8)).rejects.toThrow(/changed while it was read/);
    await shrunk.close?.();
    const grown = await fromFile(at("a"));
    await appendFile(at("a"), "more");
    await expect(grown.read(0, 2)).rejects.toThrow(/changed while it was read/);
    await grown.close?.();
  });

  it("names what is missing or not a file", async () => {
    await expect(fromFile(at("none"))).rejects.toMatchObject({ code: "IO", details: { reason: "ENOENT" } });
    await expect(fromFile(folder)).rejects.toBeInstanceOf(IoError);
  });

  it("opens siblings inside its folder only, links resolved", async () => {
    await mkdir(at("model", "parts"), { recursive: true });
    await writeFile(at("secret"), "secret");
    await writeFile(at("model", "m"), "m");
    await writeFile(at("model", "parts", "w"), "weights");
    await symlink(at("secret"), at("model", "leak"));
    await symlink(folder, at("model", "up"));
    await symlink("parts/w", at("model", "inner"));
    const source = await fromFile(at("model", "m"));
    expect((await source.sibling?.("parts/w"))?.size).toBe(7);
    expect((await source.sibling?.("./inner"))?.size).toBe(7);
    for (const path of ["../secret", at("secret"), "leak", "up/secret", "parts/../../secret", "file:///etc/passwd"]) {
      await expect(source.sibling?.(path), path).rejects.toBeInstanceOf(FormatError);
    }
    await expect(source.sibling?.("absent")).rejects.toBeInstanceOf(IoError);
    await source.close?.();
  });
});

describe("toFile", () => {
  it("shows nothing before commit, and then everything", async () => {
    const sink = await toFile(at("out"));
    await sink.allocate(6);
    const beside = await sink.sibling("out_data");
    await beside.writeAt(0, bytes("data"));
    await sink.writeAt(3, bytes("def"));
    await sink.writeAt(0, bytes("abc"));
    expect((await readdir(folder)).filter((name) => name.startsWith("out"))).toEqual([]);
    const early = await sink.asSource();
    expect(await early.read(0, 6)).toEqual(bytes("abcdef"));
    expect(await (await early.sibling?.("out_data"))?.read(0, 4)).toEqual(bytes("data"));
    await early.close?.();
    await sink.commit();
    expect((await readdir(folder)).toSorted()).toEqual(["out", "out_data"]);
    expect([await text(at("out")), await text(at("out_data"))]).toEqual(["abcdef", "data"]);
    const late = await sink.asSource();
    expect(await late.read(0, 6)).toEqual(bytes("abcdef"));
    await late.close?.();
    await expect(sink.writeAt(0, bytes("x"))).rejects.toBeInstanceOf(UsageError);
  });

  it("leaves nothing after discard", async () => {
    await writeFile(at("out"), "old");
    const sink = await toFile(at("out"), { force: true });
    await (await sink.sibling("out_data")).writeAt(0, bytes("data"));
    await sink.writeAt(0, bytes("new"));
    await sink.discard();
    expect(await readdir(folder)).toEqual(["out"]);
    expect(await text(at("out"))).toBe("old");
  });

  it("overwrites only when forced, and not what appeared meanwhile", async () => {
    await writeFile(at("out"), "old");
    await expect(toFile(at("out"))).rejects.toBeInstanceOf(UsageError);
    const forced = await toFile(at("out"), { force: true });
    await forced.writeAt(0, bytes("new"));
    await forced.commit();
    expect(await text(at("out"))).toBe("new");
    const late = await toFile(at("other"));
    await late.writeAt(0, bytes("mine"));
    await writeFile(at("other"), "theirs");
    await expect(late.commit()).rejects.toMatchObject({ code: "IO", details: { reason: "EEXIST" } });
    expect(await text(at("other"))).toBe("theirs");
    expect((await readdir(folder)).toSorted()).toEqual(["other", "out"]);
  });

  it("puts siblings back when the main file can't be placed", async () => {
    await writeFile(at("out_data"), "old data");
    const sink = await toFile(at("out"), { force: true });
    await (await sink.sibling("out_data")).writeAt(0, bytes("new data"));
    await mkdir(at("out"));
    await expect(sink.commit()).rejects.toBeInstanceOf(IoError);
    expect(await text(at("out_data"))).toBe("old data");
    expect((await readdir(folder)).toSorted()).toEqual(["out", "out_data"]);
  });

  it("never takes the place of the input, by whatever name", async () => {
    await writeFile(at("in"), "input");
    await symlink(at("in"), at("soft"));
    await link(at("in"), at("hard"));
    await mkdir(at("sub"));
    for (const path of [at("in"), at("soft"), at("hard"), `${folder}/sub/../in`]) {
      await expect(toFile(path, { force: true, notSameAs: [at("in")] }), path).rejects.toThrow(/input itself/);
    }
    const sink = await toFile(at("out"), { force: true, notSameAs: [at("in")] });
    await expect(sink.sibling("in")).rejects.toThrow(/input itself/);
    await sink.discard();
    expect(await text(at("in"))).toBe("input");
    expect((await readdir(folder)).toSorted()).toEqual(["hard", "in", "soft", "sub"]);
  });

  it("fails at once where the folder is missing or can't take files, and early on a full disk", async () => {
    await writeFile(at("file"), "");
    await expect(toFile(at("none", "out"))).rejects.toMatchObject({ details: { reason: "ENOENT" } });
    await expect(toFile(at("file", "out"))).rejects.toMatchObject({ details: { reason: "ENOTDIR" } });
    await expect(toFile(folder)).rejects.toBeInstanceOf(UsageError);
    const sink = await toFile(at("out"));
    await expect(sink.allocate(2 ** 52)).rejects.toMatchObject({ code: "IO", details: { neededBytes: 2 ** 52 } });
    await sink.discard();
  });

  it.each(["EACCES", "EROFS", "ENOSPC", "EDQUOT"])("explains %s", (code) => {
    const error = toIoError(Object.assign(new Error("refused"), { code }), "/x/out", "written");
    expect(error).toBeInstanceOf(IoError);
    expect(error.message).toContain("/x/out");
    expect(error.hint).toMatch(/folder/);
  });
});
