// The doctor's findings on this machine, and its words about drivers that are broken.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { doctorReport as doctorOnWeb, formatDoctor } from "../../src/device/doctor.ts";
import { doctorReport } from "../../src/device/node-doctor.ts";
import { testDevice } from "../support/gpu.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

describe("doctorReport in Node", () => {
  const device = testDevice();

  it("finds the adapter of this test run as openDevice does", async () => {
    const report = await doctorReport();
    expect(report.candidates.map(({ driver }) => driver)).toEqual(["hardware", "llvmpipe", "swiftshader"]);
    expect(report.chosen?.driver).toBe(process.env["WGSLIM_ADAPTER"]);
    const chosen = report.candidates.find(({ driver }) => driver === report.chosen?.driver);
    expect(chosen?.profile).toMatchObject({
      adapterClass: process.env["WGSLIM_ADAPTER"],
      description: (await device()).profile.description,
      limits: (await device()).profile.limits,
    });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it("never takes software for hardware, and says what each missing driver needs", async () => {
    const { candidates } = await doctorReport();
    for (const { driver, found, profile, remedy } of candidates) {
      if (driver === "hardware" && found) expect(profile?.adapterClass).toBe("hardware");
      if (!found) expect(remedy).toBeTruthy();
    }
  });

  it("survives a driver that can't be loaded", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wgslim-doctor-"));
    try {
      const manifest = join(folder, "broken_icd.json");
      await writeFile(join(folder, "broken.so"), "no library");
      await writeFile(
        manifest,
        '{"file_format_version":"1.0.0","ICD":{"library_path":"./broken.so","api_version":"1.1.0"}}',
      );
      vi.stubEnv("WGSLIM_ADAPTER", "");
      vi.stubEnv("VK_ICD_FILENAMES", manifest);
      const report = await doctorReport();
      expect(report.candidates[0]).toMatchObject({ driver: "user", found: false, why: "The driver gave no adapter." });
      expect(report.chosen).toBeUndefined();
      expect(report.environment["VK_ICD_FILENAMES"]).toBe(manifest);
      expect(formatDoctor(report)).toMatch(/\[ \] user: The driver gave no adapter\.\n {4}to get it: Check the files/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("doctorReport in a browser", () => {
  it("says what is wrong where there is no WebGPU", async () => {
    vi.stubGlobal("navigator", { userAgent: "Old/1.0" });
    const report = await doctorOnWeb();
    expect(report).toMatchObject({
      environment: { browser: "Old/1.0" },
      candidates: [{ driver: "browser", found: false, why: "This browser has no WebGPU." }],
    });
    expect(formatDoctor(report)).toMatch(/No adapter: wgslim can't compute here\.$/);
  });
});
