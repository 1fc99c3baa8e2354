// What a page computes with, step by step down. Node stands in for a browser without WebGPU and without WebGL.
import { describe, expect, it } from "vitest";
import { NoAdapterError, UnsupportedError, UsageError } from "../../src/base/errors.ts";
import { openWebBackend } from "../../src/web-backend.ts";

const loadNothing = (): Promise<unknown> => Promise.reject(new Error("Failed to resolve module specifier"));
const emptyGpu = { requestAdapter: async () => null } as unknown as GPU;

describe("openWebBackend", () => {
  it("goes on with gpu.js where there is no adapter, and says so", async () => {
    const { backend, warning, dispose } = await openWebBackend({ gpu: emptyGpu, memoryBudget: "64 MiB" });
    expect(backend.profile).toMatchObject({ backend: "gpu.js", memoryBudget: 64 * 2 ** 20 });
    expect(warning).toMatch(/no adapter.*gpu\.js on WebAssembly/u);
    dispose();
  });

  it("goes on with plain code where there is no gpu.js either", async () => {
    const { backend, warning } = await openWebBackend({ gpu: emptyGpu, loadGpuJs: loadNothing });
    expect(backend.profile.backend).toBe("cpu");
    expect(warning).toMatch(/no adapter.*npm install gpu\.js.*plain code/u);
  });

  it("opens what is asked for, or nothing", async () => {
    expect((await openWebBackend({ adapter: "gpu.js" })).backend.profile.backend).toBe("gpu.js");
    expect((await openWebBackend({ adapter: "cpu" })).backend.profile.backend).toBe("cpu");
    await expect(openWebBackend({ adapter: "webgpu", gpu: emptyGpu })).rejects.toBeInstanceOf(NoAdapterError);
    await expect(openWebBackend({ adapter: "gpu.js", loadGpuJs: loadNothing })).rejects.toBeInstanceOf(
      UnsupportedError,
    );
    await expect(openWebBackend({ adapter: "cpu", gpu: emptyGpu })).rejects.toBeInstanceOf(UsageError);
  });
});
