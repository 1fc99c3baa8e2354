// What waiting on a device must survive: errors, loss, and the end of its use.
import { describe, expect, it, vi } from "vitest";
import { DeviceLostError, GpuError, OutOfMemoryError } from "../../src/base/errors.ts";
import { GpuContext } from "../../src/device/context.ts";
import { bufferUsage, mapMode, shaderStage } from "../../src/device/flags.ts";
import { openDevice } from "../../src/device/node.ts";
import { testDevice } from "../support/gpu.ts";

const device = testDevice();
const forever = new Promise<never>(() => undefined);
const readable = bufferUsage.mapRead | bufferUsage.copyTarget;

/** Ends a device behind the context's back, as a driver would. */
async function lose(gpu: GpuContext): Promise<void> {
  gpu.device.destroy();
  await gpu.device.lost;
}

describe("scope", () => {
  it("gives back what the function gives, awaited", async () => {
    const gpu = await device();
    expect(await gpu.scope("sync", () => 1)).toBe(1);
    expect(await gpu.scope("async", () => Promise.resolve(2))).toBe(2);
  });

  it("turns a validation error into a GpuError that names the label", async () => {
    const gpu = await device();
    const bad = gpu.scope("bad buffer", () => gpu.device.createBuffer({ size: 16, usage: 0 }));
    await expect(bad).rejects.toThrow(GpuError);
    await expect(bad).rejects.toThrow(/^bad buffer: WebGPU refused the call: /);
    await expect(bad).rejects.toMatchObject({ code: "GPU", details: { label: "bad buffer" } });
  });

  it.each([
    ["validation", GpuError, /^step: WebGPU refused the call: words$/],
    ["out-of-memory", OutOfMemoryError, /^step: the device is out of memory: words$/],
    ["internal", GpuError, /^step: the driver failed: words$/],
  ] as const)("gives an error of kind %s its type", async (kind, type, message) => {
    // Software drivers hand out memory that doesn't exist, so these errors can't be had from them.
    const stack: string[] = [];
    const fake = {
      lost: forever,
      pushErrorScope: (filter: string) => stack.push(filter),
      popErrorScope: () => Promise.resolve(stack.pop() === kind ? { message: "words" } : null),
    };
    const gpu = new GpuContext(fake as unknown as GPUDevice, (await device()).profile, false);
    const failing = gpu.scope("step", () => 1);
    await expect(failing).rejects.toThrow(type);
    await expect(failing).rejects.toThrow(message);
    expect(stack).toEqual([]);
  });

  it("keeps its errors to itself when scopes overlap in time", async () => {
    const gpu = await device();
    const [good, bad, alsoGood] = await Promise.allSettled([
      gpu.scope("good", async () => await new Promise((resolve) => setTimeout(resolve, 20))),
      gpu.scope("bad", () => gpu.device.createBuffer({ size: 16, usage: 0 })),
      gpu.scope("also good", () => gpu.device.createBuffer({ size: 16, usage: readable }).destroy()),
    ]);
    expect([good.status, bad.status, alsoGood.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("is balanced when the function throws", async () => {
    const gpu = await device();
    const thrown = gpu.scope("thrower", () => {
      throw new TypeError("mine");
    });
    await expect(thrown).rejects.toThrow(new TypeError("mine"));
    // An unbalanced stack would make this pop something.
    await expect(gpu.device.popErrorScope()).rejects.toThrow();
  });
});

describe("loss", () => {
  it("rejects every pending and later wait with DeviceLostError", async () => {
    const gpu = await openDevice();
    const pending = [gpu.guard(forever), gpu.guard(forever)].map((wait) =>
      expect(wait).rejects.toThrow(DeviceLostError),
    );
    await lose(gpu);
    await Promise.all(pending);
    await expect(gpu.lost).resolves.toBeInstanceOf(DeviceLostError);
    expect(gpu.isLost).toBe(true);
    await expect(gpu.guard(Promise.resolve(1))).rejects.toThrow(DeviceLostError);
    await expect(gpu.scope("late", () => 1)).rejects.toThrow(DeviceLostError);
    expect(() => gpu.throwIfLost()).toThrow(DeviceLostError);
  });

  it("is told apart from the mapping error that announces it", async () => {
    const gpu = await openDevice();
    const buffer = gpu.device.createBuffer({ size: 16, usage: readable });
    const mapping = expect(gpu.guard(buffer.mapAsync(mapMode.read))).rejects.toThrow(DeviceLostError);
    await lose(gpu);
    await mapping;
  });

  it("is not claimed for a wait that fails by itself", async () => {
    const gpu = await device();
    await expect(gpu.guard(Promise.reject(new RangeError("own")))).rejects.toThrow(new RangeError("own"));
    expect(gpu.isLost).toBe(false);
  });
});

describe("dispose", () => {
  it("destroys an own device, twice without harm, and is no loss", async () => {
    const gpu = await openDevice();
    const lost = vi.fn<() => void>();
    void gpu.lost.then(lost);
    gpu.dispose();
    gpu.dispose();
    expect((await gpu.device.lost).reason).toBe("destroyed");
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(lost).not.toHaveBeenCalled();
    expect(gpu.isLost).toBe(false);
    expect(gpu.isDisposed).toBe(true);
  });

  it("is what `using` and `await using` call", async () => {
    let inner: GpuContext;
    {
      await using gpu = await openDevice();
      inner = gpu;
    }
    expect(inner.isDisposed).toBe(true);
    {
      using gpu = await openDevice();
      inner = gpu;
    }
    expect((await inner.device.lost).reason).toBe("destroyed");
  });

  it("leaves a borrowed device alive and working", async () => {
    const owner = await device();
    const borrowed = await openDevice({ device: owner.device, memoryBudget: "1 MiB" });
    // Its own features; those of the shader language are the implementation's, which a device does not name.
    const features = owner.profile.features.filter((name) => owner.device.features.has(name));
    expect(borrowed.profile).toEqual({ ...owner.profile, features, memoryBudget: 2 ** 20 });
    borrowed.dispose();
    const buffer = owner.device.createBuffer({ size: 16, usage: readable });
    await owner.guard(buffer.mapAsync(mapMode.read));
    expect(buffer.getMappedRange().byteLength).toBe(16);
    buffer.destroy();
  });

  it("tells the borrower when the owner destroys the device", async () => {
    const owner = await openDevice();
    const borrowed = await openDevice({ device: owner.device });
    const wait = expect(borrowed.guard(forever)).rejects.toThrow(/its owner destroyed it/);
    owner.dispose();
    await wait;
    expect(owner.isLost).toBe(false);
  });
});

describe("flags", () => {
  it("are the values that the platform uses", async () => {
    const { globals } = await import("webgpu");
    const platform = globals as Record<"GPUBufferUsage" | "GPUMapMode" | "GPUShaderStage", Record<string, number>>;
    expect(bufferUsage).toEqual({
      mapRead: platform.GPUBufferUsage["MAP_READ"],
      mapWrite: platform.GPUBufferUsage["MAP_WRITE"],
      copySource: platform.GPUBufferUsage["COPY_SRC"],
      copyTarget: platform.GPUBufferUsage["COPY_DST"],
      uniform: platform.GPUBufferUsage["UNIFORM"],
      storage: platform.GPUBufferUsage["STORAGE"],
      queryResolve: platform.GPUBufferUsage["QUERY_RESOLVE"],
    });
    expect(mapMode).toEqual({ read: platform.GPUMapMode["READ"], write: platform.GPUMapMode["WRITE"] });
    expect(shaderStage).toEqual({ compute: platform.GPUShaderStage["COMPUTE"] });
  });
});
