// What a caller hears of a whole run over a file, and what is settled before a device is opened.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import type { CompressionProgress } from "../../src/compress/progress.ts";
import { kernelReferences } from "../../src/kernels/references.ts";
import { quantizeFile } from "../../src/node-quantize.ts";
import { CpuBackend } from "../../src/run/cpu-backend.ts";
import { onnxBytes, op, randomTensor, smallModel } from "../support/onnx-models.ts";

const folder = mkdtempSync(join(tmpdir(), "wgslim-phases-"));
const input = join(folder, "model.onnx");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  const model = smallModel({
    nodes: [op("MatMul", ["x", "first"], ["h"]), op("MatMul", ["h", "second"], ["y"])],
    inputs: [["x", ["n", 64]]],
    outputs: [["y", ["n", 48]]],
    initializers: [randomTensor("first", [64, 96]), randomTensor("second", [96, 48])],
  });
  writeFileSync(input, await onnxBytes(model));
});

const backend = async () => ({ backend: new CpuBackend(kernelReferences), dispose: () => undefined });

it("tells of packing, proving and hashing, each from its first unit to all of its bytes", async () => {
  const heard: CompressionProgress[] = [];
  const output = join(folder, "told.onnx");
  const onProgress = (progress: CompressionProgress): void => void heard.push(progress);
  const { input: read, output: written } = await quantizeFile(input, output, { format: "int8", backend, onProgress });
  expect([...new Set(heard.map(({ phase }) => phase))]).toEqual(["pack", "prove", "hash"]);
  for (const phase of ["pack", "prove", "hash"] as const) {
    const own = heard.filter((progress) => progress.phase === phase);
    expect(own.map(({ done }) => done)).toEqual([1, 2]);
    for (const { total } of own) expect(total).toBe(2);
    expect(own.at(-1)?.bytesDone).toBe(own[0]?.bytesTotal);
    expect(own[0]?.bytesDone).toBeLessThan(own[0]?.bytesTotal ?? 0);
  }
  expect(heard.at(-1)?.bytesTotal).toBe(read.bytes + written.bytes);
});

it("refuses a rule that matches nothing before a device is opened", async () => {
  let opened = false;
  const run = quantizeFile(input, join(folder, "refused.onnx"), {
    format: "int8",
    rules: [{ pattern: "*frist*", format: "int4" }],
    backend: () => {
      opened = true;
      return backend();
    },
  });
  await expect(run).rejects.toThrow(UsageError);
  expect(opened).toBe(false);
  expect(readdirSync(folder).filter((name) => name.includes("refused"))).toEqual([]);
});
