// A model of gigabytes through a small memory budget: bounded memory, device bytes as planned, one pass over the
// file. WGSLIM_LARGE=4000 runs it on that many MB of weights (about 1.3 times that on disk, in the temporary folder);
// without it a small model keeps the check itself alive.
import { readFileSync, existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/run/backend.ts";
import { fromFile } from "../../src/node-files.ts";
import { openNodeBackend, quantizeFile } from "../../src/node-quantize.ts";
import { makeLargeModel } from "../support/make-large-model.ts";

const megabytes = Number(process.env["WGSLIM_LARGE"] ?? 12);
const isLarge = megabytes >= 1000;
const mebi = 2 ** 20;
const memoryBudget = (isLarge ? 256 : 4) * mebi;
const mostResident = 900 * mebi;

let folder = "";
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "wgslim-large-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Bytes that this process has read through system calls; undefined where the system does not tell. */
function bytesRead(): number | undefined {
  if (!existsSync("/proc/self/io")) return undefined;
  return Number(/rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
}

describe("a model larger than the memory budget", () => {
  it(
    `quantizes ${megabytes} MB under ${memoryBudget / mebi} MiB`,
    async () => {
      const { path, weightBytes } = await makeLargeModel(folder, megabytes * 1e6);
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
        format: "int4",
        formatOptions: { search: { kind: "absmax" } },
        backend: opened,
        onProgress: () => void (resident = Math.max(resident, process.memoryUsage.rss())),
      });
      expect(backend?.profile.memoryBudget).toBe(memoryBudget);
      expect(report.plan.peakDeviceBytes).toBeLessThanOrEqual(memoryBudget);
      expect(report.plan.peakDeviceBytes).toBeLessThanOrEqual(1.1 * report.plan.lowerBoundBytes);
      // The input once, the output once for the proof and once for its digest; the driver's own files beside.
      const read = bytesRead();
      if (read !== undefined && readBefore !== undefined) {
        expect(read - readBefore).toBeLessThan(weightBytes + 2 * report.output.bytes + 128 * mebi);
      }
      expect(report.output.bytes).toBeLessThan(0.2 * weightBytes);
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
