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
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { FormatError, IoError, UsageError } from "../src/base/errors.ts";
import { fileCheckpoint } from "../src/node-checkpoint.ts";
import { toIoError } from "../src/node-errors.ts";
import { fromFile, toFile } from "../src/node-files.ts";
import { refuseClashes } from "../src/node-guard.ts";
import { CheckpointLog } from "../src/run/checkpoint.ts";

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
    await expect(toFile("/dev/null", { force: true })).rejects.toThrow(/not a regular file/);
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

describe("parts of killed writers", () => {
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;

  /** The mark of this machine, as a part of our own shows it. */
  async function partOf(name: string, run: string, pid = dead): Promise<string> {
    const sink = await toFile(at("probe"));
    const probe = (await readdir(folder)).find((file) => file.startsWith(".probe")) ?? "";
    await sink.discard();
    return at(probe.replace("probe", name).replace(/-\d+-[0-9a-f]{8}/, `-${pid}-${run}`));
  }

  it("go when the same target is written, and nothing else goes", async () => {
    const stale = [await partOf("out", "00000001"), `${await partOf("out", "00000002")}.old`];
    const kept = [
      await partOf("out", "00000003", process.pid),
      await partOf("other", "00000004"),
      (await partOf("out", "00000005")).replace(/\.[0-9a-f]{8}-/, ".00000000-"),
      at(".out.part"),
    ];
    for (const path of [...stale, ...kept]) await writeFile(path, "part");
    const sink = await toFile(at("out"));
    await sink.writeAt(0, bytes("new"));
    await sink.commit();
    expect((await readdir(folder)).toSorted()).toEqual([...kept.map((path) => basename(path)), "out"].toSorted());
  });

  it("put back what a commit had set aside that never ended", async () => {
    await writeFile(at("out"), "old model");
    await writeFile(at("out_data"), "new data");
    await writeFile(await partOf("out", "0000000a"), "new model");
    await writeFile(`${await partOf("out_data", "0000000a")}.old`, "old data");
    await (await toFile(at("out"), { force: true })).discard();
    expect((await readdir(folder)).toSorted()).toEqual(["out", "out_data"]);
    expect(await text(at("out_data"))).toBe("old data");
  });
});

describe("refuseClashes", () => {
  it("names two files that are one, or the input, before they exist", async () => {
    await writeFile(at("in"), "input");
    await writeFile(at("in_data"), "weights");
    await symlink(at("in_data"), at("soft"));
    const inputs = [at("in"), at("in_data")];
    const clash = (written: Readonly<Record<string, string | undefined>>) => refuseClashes(written, inputs);
    await clash({ output: at("out"), report: undefined, checkpoint: at("ckpt") });
    await expect(clash({ output: at("out"), report: `${folder}/../${basename(folder)}/out` })).rejects.toThrow(
      /report and the output are one file/,
    );
    await expect(clash({ checkpoint: at("soft") })).rejects.toThrow(/checkpoint .* is the input itself or one of/);
  });
});

// A file system of one megabyte: needs the right to mount.
const disk =
  process.platform === "linux" && process.getuid?.() === 0 ? mkdtempSync(join(tmpdir(), "wgslim-disk-")) : "";
const mounted = disk !== "" && spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).status === 0;
afterAll(() => {
  if (mounted) spawnSync("umount", [disk]);
  if (disk !== "") rmdirSync(disk);
});

describe.skipIf(!mounted)("a full disk (needs root, to mount a small one)", () => {
  const output = join(disk, "out");

  it("is told before the first byte, or where it fills up meanwhile; the earlier file stays", async () => {
    await writeFile(output, "old");
    const large = await toFile(output, { force: true });
    await expect(large.allocate(2 ** 21)).rejects.toMatchObject({ details: { neededBytes: 2 ** 21 } });
    await large.discard();
    const sink = await toFile(output, { force: true });
    await sink.allocate(600_000);
    await writeFile(join(disk, "other"), new Uint8Array(700_000));
    const failure: unknown = await sink.writeAt(0, new Uint8Array(600_000)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(IoError);
    expect(failure).toMatchObject({ details: { file: output, neededBytes: 600_000 } });
    const { availableBytes = NaN } = (failure as IoError).details as { availableBytes?: number };
    expect(availableBytes).toBeGreaterThan(100_000);
    expect(availableBytes).toBeLessThan(600_000);
    await sink.discard();
    expect((await readdir(disk)).toSorted()).toEqual(["other", "out"]);
    expect(await text(output)).toBe("old");
  });

  it("fails a checkpoint, whose whole entries survive", async () => {
    await writeFile(join(disk, "other"), new Uint8Array(700_000));
    const store = fileCheckpoint(join(disk, "run.ckpt"));
    const log = await CheckpointLog.open(store, "ab".repeat(32));
    const results = new Map([["codes", new Uint8Array(100_000)]]);
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) await log.append({ unit: `u${i}`, source: "", results });
    };
    await expect(fill()).rejects.toMatchObject({ code: "IO", details: { reason: "ENOSPC" } });
    await rm(join(disk, "other"));
    const again = await CheckpointLog.open(store, "ab".repeat(32));
    const units: string[] = [];
    for await (const { unit } of again.entries()) units.push(unit);
    expect(units.length).toBeGreaterThan(0);
    expect(units).toEqual(Array.from(units, (_, i) => `u${i}`));
    await store.clear();
  });
});
