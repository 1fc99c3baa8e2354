// Opening gpu.js: which modes work, what is said where none does.
import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../src/base/errors.ts";
import { openGpuJsBackend } from "../../src/fallback/gpu-js-backend.ts";
import { openGpuJs } from "../../src/fallback/open-gpu-js.ts";

/** The part of gpu.js that the fallback uses. */
class OffByOne {
  createKernel(): (...inputs: readonly Float32Array[]) => Float32Array {
    return (values) => new Float32Array(values ?? []).map((value) => value * 1.000_001);
  }
  async destroy(): Promise<void> {}
}

const loadNothing = (): Promise<unknown> => Promise.reject(new Error("Cannot find package 'gpu.js'"));
const loadInexact = async (): Promise<unknown> => ({ GPU: OffByOne });

describe("openGpuJs", () => {
  it("takes WebAssembly in Node, which has no WebGL", async () => {
    const gpu = await openGpuJs();
    expect(gpu.mode).toBe("wasm");
    await gpu.dispose();
  });

  it("names the reason where the mode that is asked for does not work", async () => {
    await expect(openGpuJs({ mode: "webgl2" })).rejects.toThrow(/webgl2/u);
    await expect(openGpuJs({ mode: "webgl2" })).rejects.toBeInstanceOf(UnsupportedError);
  });

  it("says how to install the package where it is missing", async () => {
    const error: unknown = await openGpuJsBackend({ load: loadNothing }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error).toMatchObject({
      hint: expect.stringContaining("npm install gpu.js"),
      details: { package: "gpu.js" },
    });
  });

  it("refuses a mode that does not compute exactly", async () => {
    await expect(openGpuJs({ load: loadInexact })).rejects.toThrow(/not exact.*not exact.*not exact/u);
  });

  it("refuses a module that is something else", async () => {
    await expect(openGpuJs({ load: async () => ({}) })).rejects.toBeInstanceOf(UnsupportedError);
  });
});
