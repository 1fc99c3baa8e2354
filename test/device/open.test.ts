// Opening: what is asked of the adapter, what is refused, and what is said where there is none.
import { afterEach, describe, expect, it, vi } from "vitest";
import { NoAdapterError, UsageError } from "../../src/base/errors.ts";
import { openDevice as openOnNode } from "../../src/device/node.ts";
import { openDevice } from "../../src/device/open.ts";

const pinned = process.env["WGSLIM_ADAPTER"];

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

/** A platform whose adapter has the given features. */
function fakeGpu(features: readonly string[], limits: Record<string, number> = {}): { gpu: GPU; asked: unknown[] } {
  const asked: unknown[] = [];
  const device = { features: new Set(features), limits, lost: new Promise(() => undefined), destroy: () => undefined };
  const adapter = {
    features: new Set(features),
    limits: Object.create(limits) as unknown,
    info: { vendor: "acme", architecture: "one", description: "Acme One" },
    requestDevice: (descriptor: unknown) => {
      asked.push(descriptor);
      return Promise.resolve(device);
    },
  };
  const gpu = { requestAdapter: (options: unknown) => Promise.resolve((asked.push(options), adapter)) };
  return { gpu: gpu as unknown as GPU, asked };
}

const noAdapters = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;

describe("openDevice", () => {
  it("asks for the adapter's own limits and for the optional features it offers, no others", async () => {
    const limits = { maxBufferSize: 123, maxStorageBufferBindingSize: 45, maxSubgroupSize: 32 };
    const { gpu, asked } = fakeGpu(["subgroups", "depth-clip-control"], limits);
    const context = await openDevice({ gpu, powerPreference: "low-power", memoryBudget: "2 MiB" });
    expect(asked).toEqual([
      { powerPreference: "low-power" },
      { requiredFeatures: ["subgroups"], requiredLimits: { maxBufferSize: 123, maxStorageBufferBindingSize: 45 } },
    ]);
    expect(context.profile).toMatchObject({ adapterClass: "hardware", description: "Acme One", memoryBudget: 2 ** 21 });
  });

  it("refuses an adapter that lacks a required feature, and names it", async () => {
    const { gpu } = fakeGpu(["subgroups"]);
    const opening = openDevice({ gpu, require: ["shader-f16", "subgroups"] });
    await expect(opening).rejects.toThrow(NoAdapterError);
    await expect(opening).rejects.toMatchObject({ details: { missing: ["shader-f16"], adapter: "Acme One" } });
  });

  it.each([openDevice, openOnNode])(
    "refuses contradictory or senseless options before opening anything",
    async (open) => {
      const { gpu, asked } = fakeGpu([]);
      await expect(open({ gpu, device: {} as GPUDevice })).rejects.toThrow(UsageError);
      await expect(open({ gpu, memoryBudget: "lots" })).rejects.toThrow(UsageError);
      expect(asked).toEqual([]);
    },
  );
});

describe("without an adapter", () => {
  it.each([openDevice, openOnNode])("a GPU object with none gives NoAdapterError with a way out", async (open) => {
    const error = await open({ gpu: noAdapters }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NoAdapterError);
    expect(error).toMatchObject({ code: "NO_ADAPTER", hint: expect.stringContaining("hardware acceleration") });
  });

  it("a page that is not secure is told so", async () => {
    vi.stubGlobal("isSecureContext", false);
    await expect(openDevice()).rejects.toMatchObject({ hint: expect.stringContaining("https") });
  });

  it("a browser without WebGPU is told which ones have it", async () => {
    vi.stubGlobal("navigator", {});
    await expect(openDevice()).rejects.toMatchObject({
      message: "This browser has no WebGPU.",
      hint: expect.stringContaining("Chrome"),
    });
  });

  it("Node names each driver that it tried and the ways out", async () => {
    vi.stubEnv("WGSLIM_ADAPTER", "");
    vi.stubEnv("VK_ICD_FILENAMES", "/nowhere/icd.json");
    const error = await openOnNode().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NoAdapterError);
    expect(error).toMatchObject({
      details: { tried: ["user: The driver gave no adapter."] },
      hint: expect.stringMatching(/mesa-vulkan-drivers.*@sparticuz\/chromium.*wgslim doctor/),
    });
  });

  it("Node refuses an unknown WGSLIM_ADAPTER", async () => {
    vi.stubEnv("WGSLIM_ADAPTER", "voodoo");
    await expect(openOnNode()).rejects.toThrow(UsageError);
  });
});

describe("choice of the driver in Node", () => {
  it("leaves the environment as it was", async () => {
    vi.stubEnv("VK_DRIVER_FILES", "/nowhere/else.json");
    using gpu = await openOnNode();
    expect(gpu.profile.adapterClass).toBe(pinned);
    expect(process.env["VK_DRIVER_FILES"]).toBe("/nowhere/else.json");
    expect(process.env["VK_ICD_FILENAMES"]).toBeUndefined();
  });

  it("gives each of several concurrent calls a device of its own", async () => {
    const contexts = await Promise.all([openOnNode(), openOnNode(), openOnNode()]);
    expect(new Set(contexts.map(({ device }) => device)).size).toBe(3);
    for (const { profile } of contexts) expect(profile.adapterClass).toBe(pinned);
    for (const context of contexts) context.dispose();
  });

  it("takes what VK_ICD_FILENAMES names before anything else", async () => {
    const { setUpDriver } = await import("../../src/device/node-drivers.ts");
    const setup = await setUpDriver("swiftshader");
    if (!setup.ready || !setup.manifest) throw new Error("the embedded driver should be there");
    vi.stubEnv("WGSLIM_ADAPTER", "");
    vi.stubEnv("VK_ICD_FILENAMES", setup.manifest);
    using gpu = await openOnNode();
    expect(gpu.profile.adapterClass).toBe("swiftshader");
  });
});
