// Unpacking the embedded driver: several processes at once, a folder that can't be written.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { IoError } from "../../src/base/errors.ts";
import { findEmbeddedPackage, unpackEmbeddedDriver } from "../../src/device/node-embedded.ts";

const root = await mkdtemp(join(tmpdir(), "wgslim-embedded-"));
const packageFolder = findEmbeddedPackage() ?? "";

afterEach(() => vi.unstubAllEnvs());
afterAll(() => rm(root, { recursive: true }));

describe("unpackEmbeddedDriver", () => {
  it("unpacks loader, driver and manifest, and only once", async () => {
    vi.stubEnv("XDG_CACHE_HOME", join(root, "once"));
    const driver = await unpackEmbeddedDriver(packageFolder);
    const manifest = JSON.parse(await readFile(driver.manifest, "utf8")) as { ICD: { library_path: string } };
    const library = await readFile(join(driver.manifest, "..", manifest.ICD.library_path));
    expect(library.subarray(0, 4).toString("latin1")).toBe("\u007FELF");
    expect((await readFile(driver.loader)).subarray(0, 4).toString("latin1")).toBe("\u007FELF");
    await writeFile(driver.loader, "kept");
    expect(await unpackEmbeddedDriver(packageFolder)).toEqual(driver);
    expect(await readFile(driver.loader, "utf8")).toBe("kept");
  });

  it("is safe when it happens many times at once, and leaves no drafts behind", async () => {
    vi.stubEnv("XDG_CACHE_HOME", join(root, "race"));
    const drivers = await Promise.all(Array.from({ length: 6 }, () => unpackEmbeddedDriver(packageFolder)));
    expect(new Set(drivers.map(({ manifest }) => manifest)).size).toBe(1);
    expect(await readdir(join(root, "race", "wgslim"))).toHaveLength(1);
  });

  it("says which folder can't be written", async () => {
    await writeFile(join(root, "file"), "");
    vi.stubEnv("XDG_CACHE_HOME", join(root, "file"));
    await expect(unpackEmbeddedDriver(packageFolder)).rejects.toThrow(IoError);
    await expect(unpackEmbeddedDriver(packageFolder)).rejects.toThrow(join(root, "file", "wgslim"));
  });
});

describe("Dawn", () => {
  it("is not loaded by importing the device layer", async () => {
    const script = `
      await import(process.argv[1]);
      const maps = (await import("node:fs")).readFileSync("/proc/self/maps", "utf8");
      process.exit(maps.includes("dawn.node") ? 1 : 0);`;
    const { build } = await import("vite");
    const outDir = join(root, "bundle");
    await build({
      configFile: false,
      logLevel: "silent",
      build: {
        outDir,
        lib: { entry: "src/device/node.ts", formats: ["es"], fileName: "node" },
        rolldownOptions: { external: [/^node:/, "webgpu"] },
      },
    });
    const entry = (await readdir(outDir)).find((name) => /^node\.m?js$/.test(name)) ?? "";
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, join(outDir, entry)]);
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  });
});
