// Compiling and caching kernels: what is shared, what is not, and what a compile error says.
import { describe, expect, it } from "vitest";
import { DeviceLostError, GpuError, InternalError } from "../../src/base/errors.ts";
import { bufferUsage } from "../../src/device/flags.ts";
import { openDevice } from "../../src/device/node.ts";
import { copyWordsSpec } from "../../src/kernels/util/copy-words.ts";
import { bindGroup, getPipeline } from "../../src/run/pipelines.ts";
import { testDevice } from "../support/gpu.ts";

const device = testDevice();

function specWith(id: string, edit: (wgsl: string) => string): typeof copyWordsSpec {
  return { ...copyWordsSpec, id, variants: copyWordsSpec.variants.map((v) => ({ ...v, wgsl: edit(v.wgsl) })) };
}

describe("getPipeline", () => {
  it("compiles each combination of variant and overrides once", async () => {
    const gpu = await device();
    const [first, again, spelledOut, other] = await Promise.all([
      getPipeline(gpu, copyWordsSpec, "portable"),
      getPipeline(gpu, copyWordsSpec, "portable"),
      getPipeline(gpu, copyWordsSpec, "portable", copyWordsSpec.overrides),
      getPipeline(gpu, copyWordsSpec, "portable", { wg: 32 }),
    ]);
    expect(again).toBe(first);
    expect(spelledOut).toBe(first);
    expect(other).not.toBe(first);
  });

  it("keeps the caches of two devices apart", async () => {
    using second = await openDevice();
    const mine = await getPipeline(await device(), copyWordsSpec, "portable");
    expect(await getPipeline(second, copyWordsSpec, "portable")).not.toBe(mine);
  });

  it("quotes the compiler and the place in the shader, not the whole shader", async () => {
    const spec = specWith("util/typo", (wgsl) => wgsl.replace(/let (\w+)=/, "let $1:f32="));
    const failing = getPipeline(await device(), spec, "portable");
    await expect(failing).rejects.toThrow(GpuError);
    const message = await failing.then(String, (error: Error) => error.message);
    expect(message).toMatch(
      /^Kernel util\/typo \[portable\] does not compile: cannot initialize 'let'.* near ".*let \w+:f32=/,
    );
    expect(message.length).toBeLessThan(300);
  });

  it("reports a workgroup that is too large for the device", async () => {
    const failing = getPipeline(await device(), copyWordsSpec, "portable", { wg: 4096 });
    await expect(failing).rejects.toThrow(/^Kernel util\/copy-words \[portable\] does not compile: /);
  });

  it("refuses variants and overrides that the spec lacks", async () => {
    const gpu = await device();
    await expect(getPipeline(gpu, copyWordsSpec, "warp")).rejects.toThrow(InternalError);
    await expect(getPipeline(gpu, copyWordsSpec, "portable", { tile: 3 })).rejects.toThrow(/has no override tile/);
  });

  it("makes no pipeline of a lost device, which WebGPU would do without complaint", async () => {
    const gpu = await openDevice();
    gpu.device.destroy();
    await expect(getPipeline(gpu, copyWordsSpec, "portable")).rejects.toThrow(DeviceLostError);
  });
});

describe("bindGroup", () => {
  it("refuses a wrong number of buffers before the driver does", async () => {
    const gpu = await device();
    const pipeline = await getPipeline(gpu, copyWordsSpec, "portable");
    const buffer = gpu.device.createBuffer({ size: 16, usage: bufferUsage.uniform });
    expect(() => bindGroup(gpu, pipeline, { buffer }, [{ buffer }])).toThrow(InternalError);
    buffer.destroy();
  });
});
