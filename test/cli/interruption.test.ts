// Ctrl-C, kills and aborts of `quantize`: what is left, and that the next run goes on from it. The commands run as
// processes of their own on the CPU backend; units are small enough that the checkpoint grows while they run.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { AbortedError } from "../../src/base/errors.ts";
import { interruption } from "../../src/cli/interruption.ts";
import type { OnnxTensor } from "../../src/formats/onnx/ir.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { quantizeFile, type OpenBackend } from "../../src/node-quantize.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { buildCli, type Cli, type CliResult } from "../support/cli.ts";
import { onnxBytes, op, randomTensor, smallModel } from "../support/onnx-models.ts";

const layers = 8;
const width = 96;

const weight = (name: string, changed: boolean): OnnxTensor => {
  const values = randomTensor(changed ? "other" : name, [width, width]);
  return { ...values, name };
};

/** A chain of MatMuls; `changed` gives one of its weights other values. */
function chain(changed?: number): Promise<Uint8Array> {
  const last = layers - 1;
  const numbers = Array.from({ length: layers }, (_, i) => i);
  return onnxBytes(
    smallModel({
      nodes: numbers.map((i) => op("MatMul", [i === 0 ? "x" : `h${i - 1}`, `w${i}`], [i === last ? "y" : `h${i}`])),
      inputs: [["x", ["batch", width]]],
      outputs: [["y", ["batch", width]]],
      initializers: numbers.map((i) => weight(`w${i}`, i === changed)),
    }),
  );
}

const command = "quantize model.onnx -o out.onnx --format int4 --memory-budget 384KiB --adapter cpu".split(" ");
const resumable = [...command, "--checkpoint", "run.ckpt"];

let cli: Cli;
let folder = "";
let whole: Buffer;

const at = (name: string): string => join(folder, name);
const files = (): string[] => readdirSync(folder).toSorted();

beforeAll(async () => {
  cli = await buildCli();
  const scratch = mkdtempSync(join(tmpdir(), "wgslim-whole-"));
  writeFileSync(join(scratch, "model.onnx"), await chain());
  const result = await cli.run(scratch, command);
  expect(result).toMatchObject({ code: 0 });
  whole = readFileSync(join(scratch, "out.onnx"));
  rmSync(scratch, { recursive: true });
});
afterAll(() => cli.remove());
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "wgslim-interruption-"));
  writeFileSync(at("model.onnx"), await chain());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Starts the command, and sends the signal when the condition holds. */
async function interrupted(
  args: readonly string[],
  signal: NodeJS.Signals,
  ready: () => boolean,
): Promise<CliResult & { readonly pid: number }> {
  const { process: child, ended } = cli.start(folder, args);
  while (!ready() && child.exitCode === null) await new Promise((next) => setTimeout(next, 5));
  child.kill(signal);
  return { ...(await ended), pid: child.pid ?? 0 };
}

/** A header and two entries or so. */
const hasWork = (): boolean => existsSync(at("run.ckpt")) && statSync(at("run.ckpt")).size > 10_000;
const isWriting = (): boolean => files().some((name) => name.endsWith(".part"));

describe("a signal", () => {
  it.each(["SIGINT", "SIGTERM"] as const)(
    "%s leaves the checkpoint alone, and the same command goes on",
    async (name) => {
      const result = await interrupted(resumable, name, hasWork);
      expect(result).toMatchObject({ code: 130, stdout: "" });
      expect(result.stderr).toBe(
        "wgslim: Interrupted. No output was written.\n" +
          "  Finished work is in run.ckpt: run the same command again to go on from there.\n",
      );
      expect(files()).toEqual(["model.onnx", "run.ckpt"]);
      expect(await cli.run(folder, resumable)).toMatchObject({ code: 0 });
      expect(readFileSync(at("out.onnx")).equals(whole)).toBe(true);
      expect(files()).toEqual(["model.onnx", "out.onnx"]);
    },
  );

  it("leaves nothing without a checkpoint, and tells of it", async () => {
    const result = await interrupted(command, "SIGINT", isWriting);
    expect(result.code).toBe(130);
    expect(result.stderr).toContain("--checkpoint FILE");
    expect(files()).toEqual(["model.onnx"]);
  });

  it("again ends the process at once", () => {
    const kill = vi.spyOn(process, "kill").mockReturnValue(true);
    try {
      const signal = interruption();
      expect(interruption()).toBe(signal);
      process.emit("SIGINT");
      expect(signal.aborted).toBe(true);
      expect(kill).not.toHaveBeenCalled();
      process.emit("SIGTERM");
      expect(kill).toHaveBeenCalledWith(process.pid, "SIGTERM");
      // Nothing stands between the process and the signal that it sends itself.
      expect(process.listenerCount("SIGTERM")).toBe(0);
    } finally {
      kill.mockRestore();
      process.removeAllListeners("SIGINT");
    }
  });
});

describe("a kill", () => {
  it("leaves a hidden part, which the next run to the same target removes, and work to go on from", async () => {
    const result = await interrupted(resumable, "SIGKILL", hasWork);
    expect(result).toMatchObject({ signal: "SIGKILL" });
    const parts = files().filter((name) => name.endsWith(".part"));
    expect(parts).toHaveLength(1);
    expect(parts[0]).toContain(`-${result.pid}-`);
    // Of a process that lives, of another machine, and of another target.
    const kept = [
      parts[0]?.replace(`-${result.pid}-`, `-${process.pid}-`) ?? "",
      parts[0]?.replace(/onnx\.[0-9a-f]{8}-/, "onnx.00000000-") ?? "",
      parts[0]?.replace("out.onnx", "another.onnx").replace(/[0-9a-f]{8}\.part/, "00000000.part") ?? "",
    ];
    for (const name of kept) writeFileSync(at(name), "");
    expect(await cli.run(folder, resumable)).toMatchObject({ code: 0 });
    expect(readFileSync(at("out.onnx")).equals(whole)).toBe(true);
    expect(files()).toEqual([...kept, "model.onnx", "out.onnx"].toSorted());
  });
});

describe("an input that changed meanwhile", () => {
  it("gets no byte of the old one, where only the values differ", async () => {
    await interrupted(resumable, "SIGINT", hasWork);
    expect(files()).toEqual(["model.onnx", "run.ckpt"]);
    writeFileSync(at("model.onnx"), await chain(0));
    expect(await cli.run(folder, resumable)).toMatchObject({ code: 0 });
    const resumed = readFileSync(at("out.onnx"));
    expect(await cli.run(folder, [...command, "--force"])).toMatchObject({ code: 0 });
    expect(resumed.equals(readFileSync(at("out.onnx")))).toBe(true);
    expect(resumed.equals(whole)).toBe(false);
  });

  it("is refused where its structure differs", async () => {
    await interrupted(resumable, "SIGINT", hasWork);
    const result = await cli.run(folder, [...resumable, "--block", "64"]);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/run\.ckpt belongs to another run/);
    expect(files()).toEqual(["model.onnx", "run.ckpt"]);
  });
});

const backend = async (): Promise<OpenBackend> => ({
  backend: new CpuBackend(kernelReferences),
  dispose: () => undefined,
});

it("an abort is heard in every phase, from the first read to the last digest, and leaves nothing", async () => {
  /** Runs under a signal that fires when it has been looked at so many times. */
  const run = async (looks: number): Promise<number> => {
    let seen = 0;
    const signal = new Proxy(new AbortController().signal, {
      get(target, key) {
        if (key === "aborted") return ++seen > looks;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    await quantizeFile(at("model.onnx"), at("out.onnx"), { format: "int8", backend, signal });
    return seen;
  };
  const all = await run(Infinity);
  rmSync(at("out.onnx"));
  expect(all).toBeGreaterThan(5 * layers);
  const last = Array.from({ length: 6 }, (_, i) => all - 6 + i);
  for (const looks of [0, Math.floor(all / 2), ...last]) {
    await expect(run(looks), `after ${looks} of ${all}`).rejects.toBeInstanceOf(AbortedError);
    expect(files()).toEqual(["model.onnx"]);
  }
});
