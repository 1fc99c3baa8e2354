// A model of gigabytes through a small memory budget: bounded memory, device bytes as planned, one pass over the
// file, and two where one scale spans a tensor larger than the budget. WGSLIM_LARGE=4000 runs it on that many MB of weights (about 1.3 times that on disk, in the temporary folder);
// without it a small model keeps the check itself alive.
import { readFileSync, existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/run/backend.ts";
import { fromFile } from "../../src/node-files.ts";
import type { QuantizeRecipe } from "../../src/compress/plan-compression.ts";
import { openNodeBackend, quantizeFile } from "../../src/node-quantize.ts";
import { makeLargeModel, type LargeModel } from "../support/make-large-model.ts";

const megabytes = Number(process.env["WGSLIM_LARGE"] ?? 12);
const isLarge = megabytes >= 1000;
const mebi = 2 ** 20;
const memoryBudget = (isLarge ? 256 : 4) * mebi;
const mostResident = 900 * mebi;

let folder = "";
let model: LargeModel | undefined;
beforeAll(
  async () => {
    folder = await mkdtemp(join(tmpdir(), "wgslim-large-"));
    model = await makeLargeModel(folder, megabytes * 1e6);
  },
  isLarge ? 600_000 : 60_000,
);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Bytes that this process has read through system calls; undefined where the system does not tell. */
function bytesRead(): number | undefined {
  if (!existsSync("/proc/self/io")) return undefined;
  return Number(/rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
}

interface Case {
  readonly what: string;
  readonly recipe: QuantizeRecipe;
  /** Passes over the weights, and the file's share of their bytes. */
  readonly passes: number;
  readonly share: number;
}

const cases: readonly Case[] = [
  {
    what: "in blocks, in one pass",
    recipe: { format: "int4", formatOptions: { search: { kind: "absmax" } } },
    passes: 1,
    share: 0.2,
  },
  {
    what: "with a scale per tensor, in two passes",
    recipe: { format: "int8", formatOptions: { granularity: "tensor" } },
    passes: 2,
    share: 0.3,
  },
];

describe("a model larger than the memory budget", () => {
  it.each(cases)(
    `quantizes ${megabytes} MB under ${memoryBudget / mebi} MiB $what`,
    async ({ recipe, passes, share }) => {
      const { path, weightBytes } = model ?? { path: "", weightBytes: 0 };
      const output = join(folder, "small.onnx");
      let backend: Backend | undefined;
      const opened = async () => {
        const found = await openNodeBackend({ adapter: "webgpu", memoryBudget });
        backend = found.backend;
        return found;
      };
      const [readBefore, residentBefore] = [bytesRead(), process.memoryUsage.rss()];
      let resident = 0;
      const report = await quantizeFile(path, output, {
        ...recipe,
        force: true,
        backend: opened,
        onProgress: () => void (resident = Math.max(resident, process.memoryUsage.rss())),
      });
      expect(backend?.profile.memoryBudget).toBe(memoryBudget);
      expect(report.plan.peakDeviceBytes).toBeLessThanOrEqual(memoryBudget);
      expect(report.plan.peakDeviceBytes).toBeLessThanOrEqual(1.1 * report.plan.lowerBoundBytes);
      // The input as often as it takes, the output once for the proof and once for its digest; the driver's own files beside.
      const read = bytesRead();
      if (read !== undefined && readBefore !== undefined) {
        expect(read - readBefore).toBeLessThan(passes * weightBytes + 2 * report.output.bytes + 128 * mebi);
      }
      expect(report.output.bytes).toBeLessThan(share * weightBytes);
      const written = await fromFile(output);
      expect(written.size).toBe(report.output.bytes);
      await written.close?.();
      if (!isLarge) return;
      expect(resident).toBeLessThan(mostResident + Math.max(0, residentBefore - 150 * mebi));
      process.stderr.write(
        `peak resident ${Math.round(resident / mebi)} MiB (${Math.round(residentBefore / mebi)} before), ` +
          `device ${Math.round(report.plan.peakDeviceBytes / mebi)} MiB, ${report.seconds.toFixed(0)} s\n`,
      );
    },
    isLarge ? 3_600_000 : 120_000,
  );
});
