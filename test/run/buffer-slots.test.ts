// The owner of buffers, on a device that has no room: a stand-in, since a real one would take the machine's
// memory along.
import { describe, expect, it } from "vitest";
import { InternalError, OutOfMemoryError } from "../../src/base/errors.ts";
import { GpuContext } from "../../src/device/context.ts";
import { BufferSlots } from "../../src/memory/buffer-slots.ts";
import { testDevice } from "../support/gpu.ts";
import { testProfile } from "../support/plan-units.ts";

const device = testDevice();
const sizes = [
  { usage: "storage", bytes: 1000 },
  { usage: "upload", bytes: 2000 },
  { usage: "readback", bytes: 400 },
  { usage: "uniform", bytes: 256 },
] as const;

/** A device that makes buffers up to a sum of bytes. */
function smallDevice(room: number): { device: GPUDevice; used: () => number } {
  let used = 0;
  let failed = false;
  const scopes: string[] = [];
  const fake = {
    lost: new Promise(() => undefined),
    pushErrorScope: (filter: string) => void scopes.push(filter),
    popErrorScope: () => {
      const isHit = scopes.pop() === "out-of-memory" && failed;
      if (isHit) failed = false;
      return Promise.resolve(isHit ? { message: "no room" } : null);
    },
    createBuffer: ({ size, mappedAtCreation }: GPUBufferDescriptor) => {
      if (used + size > room && mappedAtCreation) throw new RangeError("createBuffer failed");
      const held = used + size > room ? 0 : size;
      failed ||= held === 0;
      used += held;
      return { destroy: () => void (used -= held) };
    },
  };
  return { device: fake as unknown as GPUDevice, used: () => used };
}

describe("BufferSlots", () => {
  it("counts what exists and what was the most", async () => {
    const slots = new BufferSlots(await device(), sizes);
    await slots.create([0, 1]);
    await slots.create([2]);
    slots.destroy([1]);
    await slots.create([3]);
    expect([slots.allocatedBytes, slots.peakBytes]).toEqual([1656, 3400]);
    expect(slots.buffer(0).size).toBe(1000);
    expect(() => slots.buffer(1)).toThrow(InternalError);
    slots.dispose();
    slots.dispose();
    expect([slots.allocatedBytes, slots.peakBytes]).toEqual([0, 3400]);
  });

  it("refuses to make or drop a slot twice", async () => {
    const slots = new BufferSlots(await device(), sizes);
    await slots.create([0]);
    await expect(slots.create([0])).rejects.toBeInstanceOf(InternalError);
    expect(() => slots.destroy([2])).toThrow(InternalError);
    slots.dispose();
  });

  it.each<[string, number[]]>([
    ["an error scope", [2, 0]],
    ["a mapping", [2, 1]],
  ])("tells needed and available bytes when memory runs out in %s, and keeps none of the request", async (_, asked) => {
    const { device: small, used } = smallDevice(800);
    const slots = new BufferSlots(new GpuContext(small, testProfile(), false), sizes);
    await slots.create([3]);
    const error: unknown = await slots.create(asked).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OutOfMemoryError);
    const bytes = asked.reduce((sum, slot) => sum + (sizes[slot]?.bytes ?? 0), 0);
    expect(error).toMatchObject({ details: { neededBytes: 256 + bytes, availableBytes: 256 } });
    expect([used(), slots.allocatedBytes]).toEqual([256, 256]);
  });
});
