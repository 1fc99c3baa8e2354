// Words that drivers and browsers really use about themselves.
import { describe, expect, it } from "vitest";
import { adapterName, classifyAdapter } from "../../src/device/profile.ts";
import { testDevice } from "../support/gpu.ts";

describe("classifyAdapter", () => {
  it.each([
    [
      "llvmpipe",
      { vendor: "mesa", architecture: "software", description: "llvmpipe: Mesa 25.0.7", isFallbackAdapter: true },
    ],
    ["swiftshader", { vendor: "google", architecture: "swiftshader", description: "SwiftShader driver 5.0.0" }],
    ["swiftshader", { vendor: "google", architecture: "swiftshader", description: "" }],
    ["software", { vendor: "microsoft", architecture: "warp", description: "Microsoft Basic Render Driver" }],
    ["software", { vendor: "mesa", architecture: "software", description: "" }],
    ["software", { vendor: "acme", description: "Some CPU rasterizer", isFallbackAdapter: true }],
    ["hardware", { vendor: "nvidia", architecture: "ampere", description: "NVIDIA GeForce RTX 3080" }],
    ["hardware", { vendor: "apple", architecture: "metal-3", description: "", isFallbackAdapter: false }],
    [
      "hardware",
      { vendor: "amd", architecture: "rdna-3", device: "0x744c", description: "AMD Radeon RX 7900 XTX (RADV NAVI31)" },
    ],
    ["hardware", {}],
  ] as const)("takes for %s: %j", (expected, words) => {
    expect(classifyAdapter(words)).toBe(expected);
  });
});

describe("adapterName", () => {
  it.each([
    ["Acme One", { description: "Acme One", device: "0x1", vendor: "acme" }],
    ["0x1", { description: "", device: "0x1", vendor: "acme" }],
    ["google swiftshader", { description: "", device: "", vendor: "google", architecture: "swiftshader" }],
    ["unnamed adapter", {}],
  ])("is %j", (name, words) => {
    expect(adapterName(words)).toBe(name);
  });
});

describe("the profile of the test adapter", () => {
  const device = testDevice();

  it("is the class that was asked for", async () => {
    expect((await device()).profile.adapterClass).toBe(process.env["WGSLIM_ADAPTER"]);
  });

  it("is plain data that survives JSON", async () => {
    const { profile } = await device();
    expect(JSON.parse(JSON.stringify(profile))).toEqual(profile);
  });

  it("has the adapter's own limits and features, not WebGPU's defaults", async () => {
    const { profile, device: gpuDevice } = await device();
    expect(profile.limits.maxStorageBuffersPerShaderStage).toBeGreaterThan(8);
    expect(profile.limits.maxBufferSize).toBeGreaterThan(256 * 2 ** 20);
    expect(profile.features).toEqual([...gpuDevice.features, "packed_4x8_integer_dot_product"].toSorted());
    expect(profile.features).toContain("timestamp-query");
    expect(profile.subgroupSize).toEqual(profile.adapterClass === "llvmpipe" ? { min: 8, max: 8 } : { min: 4, max: 4 });
  });
});
