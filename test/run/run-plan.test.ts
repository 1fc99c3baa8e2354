// Plans on a real device and on the CPU: same bytes, memory as planned, and nothing left behind when a run
// ends early. Unhandled rejections fail the whole file.
import { afterAll, describe, expect, it } from "vitest";
import { AbortedError, DeviceLostError, IoError, UnsupportedError } from "../../src/base/errors.ts";
import type { GpuContext } from "../../src/device/context.ts";
import { openDevice } from "../../src/device/node.ts";
import { planUnits } from "../../src/plan/plan-units.ts";
import type { Plan } from "../../src/plan/types.ts";
import type { Backend } from "../../src/run/backend.ts";
import { memoryCheckpoint } from "../../src/run/checkpoint.ts";
import { runPlan } from "../../src/run/run-plan.ts";
import type { RunIo, RunProgress } from "../../src/run/run-plan.ts";
import { WebGpuBackend } from "../../src/run/webgpu-backend.ts";
import { testDevice } from "../support/gpu.ts";
import { copyUnit, testProfile } from "../support/plan-units.ts";
import { copySpecs, cpuBackend, mixedUnits, recordingIo, sourceByte, watched } from "../support/run-plans.ts";

const device = testDevice();
const webgpu = async (): Promise<WebGpuBackend> => new WebGpuBackend(await device(), copySpecs);
const forever = new Promise<never>(() => undefined);

/** What the units of `mixedUnits` must give, from their definition. */
function expectMixed(results: ReadonlyMap<string, Uint8Array>): void {
  for (const [index, { id, uploads, downloads }] of mixedUnits().entries()) {
    const data = uploads[0]?.data;
    if (data?.kind !== "read") throw new Error("the unit reads nothing");
    const want = Uint8Array.from({ length: data.rowBytes }, (_, at) => sourceByte(data.source, data.offset + at));
    expect(Buffer.from(results.get(`${id}/${id}`) ?? []).equals(want), `${id} has its bytes`).toBe(true);
    if (downloads.length === 1) continue;
    expect(results.get(`${id}/sums`)).toEqual(new Uint8Array(30));
    const table = new Uint32Array(16);
    table.set([index, 0xffffffff, 7]);
    expect(results.get(`${id}/table`)).toEqual(new Uint8Array(table.buffer));
    // What pads the last word is zero, not what an earlier unit left in the staging slot.
    const tail = new Uint8Array(4);
    tail.set(want.subarray(Math.floor(want.length / 4) * 4));
    expect(results.get(`${id}/tail`)).toEqual(tail);
  }
}

/** Runs a plan, and checks results, report and progress. */
async function check(plan: Plan, backend: Backend): Promise<void> {
  const io = recordingIo();
  const progress: RunProgress[] = [];
  const report = await runPlan(plan, backend, io, { onProgress: (step) => progress.push(step) });
  expectMixed(io.results);
  expect(report).toMatchObject({
    units: plan.units.length,
    resumedUnits: 0,
    dispatches: plan.dispatches,
    submits: plan.submits,
    peakDeviceBytes: plan.peakDeviceBytes,
  });
  expect(progress.map(({ unit }) => unit)).toEqual(plan.units.map(({ id }) => id));
  expect(progress.at(-1)).toMatchObject({
    done: plan.units.length,
    bytesDone: plan.bytesIn,
    bytesTotal: plan.bytesIn,
  });
}

describe.each<[string, { groupBytes?: number; memoryBudget?: number }]>([
  ["as planned by default", {}],
  ["each unit alone", { groupBytes: 0 }],
  ["one at a time in a tight budget", { groupBytes: 0, memoryBudget: 5_100_000 }],
])("a plan of mixed units, %s", (_, options) => {
  it("gives its bytes in its memory on the device", async () => {
    const backend = await webgpu();
    await check(planUnits(mixedUnits(), backend.profile, options), backend);
  });

  it("gives the same on the CPU, in memory that starts as garbage", async () => {
    await check(planUnits(mixedUnits(), testProfile(), options), cpuBackend({ poison: 0xcd }));
  });

  it("gives the same from a plan that went through JSON", async () => {
    const backend = await webgpu();
    const plan: Plan = JSON.parse(JSON.stringify(planUnits(mixedUnits(), backend.profile, options)));
    await check(plan, backend);
  });
});

describe("overlap", () => {
  it("reads two units ahead and computes one ahead of what is delivered", async () => {
    const backend = await webgpu();
    const units = ["a", "b", "c", "d"].map((id) => copyUnit(id, 100_000));
    const io = recordingIo();
    await runPlan(planUnits(units, backend.profile, { groupBytes: 0 }), backend, io);
    expect(io.events.indexOf("read c")).toBeLessThan(io.events.indexOf("deliver a"));
    expect(io.events.indexOf("read d")).toBeLessThan(io.events.indexOf("deliver b"));
    expect(io.events.indexOf("read d")).toBeGreaterThan(io.events.indexOf("deliver a"));
  });

  it("delivers while a later read is still under way", async () => {
    const backend = await webgpu();
    const units = ["a", "b", "c"].map((id) => copyUnit(id, 100_000));
    const first = new EventTarget();
    const delivered = new Promise((resolve) => first.addEventListener("delivered", resolve));
    const io = recordingIo({
      read: async (source) => {
        if (source === "c") await delivered;
      },
      deliver: async (unit) => {
        if (unit === "a") first.dispatchEvent(new Event("delivered"));
      },
    });
    await runPlan(planUnits(units, backend.profile, { groupBytes: 0 }), backend, io);
    expect(io.results.size).toBe(3);
  });
});

describe("a run that ends early", () => {
  const units = Array.from({ length: 6 }, (_, index) => copyUnit(`u${index}`, 200_000 + index * 4000, 2));

  const fail = async (changes: Partial<RunIo>, signal?: AbortSignal): Promise<{ error: unknown; events: string[] }> => {
    const { backend, sessions } = watched(await webgpu());
    const io = recordingIo(changes);
    const plan = planUnits(units, backend.profile, { groupBytes: 0 });
    const error: unknown = await runPlan(plan, backend, io, signal ? { signal } : {}).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(sessions.map(({ allocatedBytes }) => allocatedBytes)).toEqual([0]);
    expect(sessions[0]?.peakBytes).toBeGreaterThan(0);
    return { error, events: io.events };
  };

  it("passes a read error on", async () => {
    const failure = new IoError("the disk is gone");
    const { error, events } = await fail({
      read: async (source) => {
        if (source === "u3") throw failure;
      },
    });
    expect(error).toBe(failure);
    expect(events).not.toContain("deliver u3");
  });

  it("passes an error of delivering on", async () => {
    const failure = new IoError("the disk is full");
    const { error, events } = await fail({
      deliver: async (unit) => {
        if (unit === "u2") throw failure;
      },
    });
    expect(error).toBe(failure);
    expect(events.at(-1)).toBe("deliver u2");
  });

  it("stops soon after an abort", async () => {
    const controller = new AbortController();
    const { error, events } = await fail(
      {
        deliver: async (unit) => {
          if (unit === "u1") controller.abort();
        },
      },
      controller.signal,
    );
    expect(error).toBeInstanceOf(AbortedError);
    expect(events).not.toContain("deliver u2");
  });

  it("does not wait for a read that hangs, and tells it", async () => {
    const controller = new AbortController();
    let told: AbortSignal | undefined;
    const { error } = await fail(
      {
        read: async (source, _ref, _into, signal) => {
          if (source !== "u2") return;
          told = signal;
          setTimeout(() => controller.abort(), 20);
          await forever;
        },
      },
      controller.signal,
    );
    expect(error).toBeInstanceOf(AbortedError);
    expect(told?.aborted).toBe(true);
  });

  it("does nothing for a signal that has fired before", async () => {
    const io = recordingIo();
    const backend = await webgpu();
    const run = runPlan(planUnits(units, backend.profile), backend, io, { signal: AbortSignal.abort() });
    await expect(run).rejects.toBeInstanceOf(AbortedError);
    expect(io.events).toEqual([]);
  });

  it("refuses kernels that the backend lacks before it reads", async () => {
    const backend = new WebGpuBackend(await device(), {});
    const io = recordingIo();
    await expect(runPlan(planUnits(units, backend.profile), backend, io)).rejects.toBeInstanceOf(UnsupportedError);
    expect(io.events).toEqual([]);
  });
});

describe("a device that is lost", () => {
  const opened: GpuContext[] = [];
  afterAll(() => {
    for (const gpu of opened) gpu.dispose();
  });
  const fresh = async (): Promise<GpuContext> => {
    const gpu = await openDevice();
    opened.push(gpu);
    return gpu;
  };
  const options = { groupBytes: 200_000 };

  it.each(["u2", "u7", "u11"])("costs no more than a batch, when it goes at the delivery of %s", async (last) => {
    const checkpoint = memoryCheckpoint();
    const gpu = await fresh();
    const plan = planUnits(mixedUnits(), gpu.profile, options);
    const first = recordingIo({
      deliver: async (unit) => {
        if (unit === last) gpu.device.destroy();
      },
    });
    const { backend, sessions } = watched(new WebGpuBackend(gpu, copySpecs));
    const lost = runPlan(plan, backend, first, { checkpoint });
    // The last unit needs the device no more.
    if (last === "u11") await lost.catch((error: unknown) => expect(error).toBeInstanceOf(DeviceLostError));
    else await expect(lost).rejects.toBeInstanceOf(DeviceLostError);
    expect(sessions[0]?.allocatedBytes).toBe(0);

    const second = recordingIo();
    const report = await runPlan(plan, new WebGpuBackend(await fresh(), copySpecs), second, { checkpoint });
    expectMixed(second.results);
    expect(report.resumedUnits).toBeGreaterThanOrEqual(Number(last.slice(1)) + 1);
    expect(report.peakDeviceBytes).toBeLessThanOrEqual(plan.peakDeviceBytes);
    const delivered = first.events.filter((event) => event.startsWith("deliver")).map((event) => event.split(" ")[1]);
    const lastBatch = plan.batches.find(({ units }) => units.includes(delivered.length - 1))?.units ?? [];
    const reread = second.events.filter((event) => event.startsWith("read"));
    expect(reread.length).toBeLessThanOrEqual(plan.units.length - delivered.length + lastBatch.length);
  });

  it("ends a run that waits for a read", async () => {
    const gpu = await fresh();
    const units = ["a", "b", "c"].map((id) => copyUnit(id, 50_000));
    const io = recordingIo({
      read: async (source) => {
        if (source !== "b") return;
        setTimeout(() => gpu.device.destroy(), 20);
        await forever;
      },
    });
    const plan = planUnits(units, gpu.profile, { groupBytes: 0 });
    await expect(runPlan(plan, new WebGpuBackend(gpu, copySpecs), io)).rejects.toBeInstanceOf(DeviceLostError);
  });

  it("is told from a read error, though the read fails first on memory that is gone", async () => {
    const gpu = await fresh();
    const units = ["a", "b"].map((id) => copyUnit(id, 50_000));
    const io = recordingIo({
      read: async (source) => {
        if (source === "b") gpu.device.destroy();
      },
    });
    const plan = planUnits(units, gpu.profile, { groupBytes: 0 });
    await expect(runPlan(plan, new WebGpuBackend(gpu, copySpecs), io)).rejects.toBeInstanceOf(DeviceLostError);
  });

  it("is found when the run begins", async () => {
    const gpu = await fresh();
    const plan = planUnits([copyUnit("a", 100)], gpu.profile);
    gpu.device.destroy();
    await gpu.lost;
    await expect(runPlan(plan, new WebGpuBackend(gpu, copySpecs), recordingIo())).rejects.toBeInstanceOf(
      DeviceLostError,
    );
  });
});
